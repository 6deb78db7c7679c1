import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { Link } from "react-router";
import { taskFiles } from "@/api/queries";
import { visible } from "@/lib/visible";
import { changedBy } from "./entries";

/** Whose conversation it is; without it nothing links to what it changed. */
export const Told = createContext<{ task: string; attempt: number } | null>(null);

/** From a tool call to the change it made, where git saw one. */
export function ChangeLinks({ paths }: { paths: string[] }) {
  const told = useContext(Told);
  const files = useQuery({ ...taskFiles(told?.task ?? "", told?.attempt), enabled: told !== null && paths.length > 0, staleTime: 10_000 }).data;
  const changed = changedBy(paths, files?.produced.map((file) => file.path) ?? []);
  if (!told || changed.length === 0) return null;
  return <p className="chg">{changed.map((path) => <Link key={path} to={`/tasks/${told.task}/changes?attempt=${told.attempt}&file=${encodeURIComponent(path)}`}>What became of {visible(path)}</Link>)}</p>;
}
