import { Link, useLocation, useRouteError } from "react-router";
import { EmptyState, ErrorState } from "@/components/States";

/** A page that fell over; the frame around it stands. */
export function Broken() {
  const error = useRouteError();
  return <ErrorState page what="This page could not be shown" error={error} retry={() => location.reload()} />;
}

export function Missing() {
  const { pathname } = useLocation();
  return (
    <EmptyState page title="There is no such page" action={<Link className="btn p" to="/">Go to the fleet</Link>}>
      Nothing is shown at {pathname}.
    </EmptyState>
  );
}
