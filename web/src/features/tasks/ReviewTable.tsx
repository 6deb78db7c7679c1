import type { ComponentProps } from "react";
import { AsideBar } from "@/components/AsideBar";
import { useChoosing } from "@/components/useChoosing";
import TaskTable from "./TaskTable";

/** Results to look at; those that no queue wants a verdict on can be chosen and set aside together. */
export default function ReviewTable(props: Omit<ComponentProps<typeof TaskTable>, "choosing">) {
  const choosing = useChoosing(props.rows.filter((row) => row.review === "unseen").map((row) => row.id));
  return (
    <div onKeyDown={choosing.onKeyDown}>
      <TaskTable {...props} choosing={choosing} />
      <AsideBar rows={props.rows.filter((row) => row.review === "unseen" && choosing.isChosen(row.id))} onClear={choosing.clear} />
    </div>
  );
}
