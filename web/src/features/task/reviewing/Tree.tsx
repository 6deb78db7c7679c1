import { FilePen, FilePlus, FileX, MessageSquare } from "lucide-react";
import type { ProducedFile } from "@/api/types";
import { PlusMinus } from "@/components/PlusMinus";
import { shortPath } from "@/lib/format";
import { visible } from "@/lib/visible";

const ICONS = { created: FilePlus, modified: FilePen, renamed: FilePen, deleted: FileX };

interface TreeProps {
  files: ProducedFile[];
  chosen: string;
  viewed: ReadonlySet<string>;
  said: (path: string) => number;
  onPick: (path: string) => void;
}

/** The changed files, with how much changed and how much was said. */
export function Tree({ files, chosen, viewed, said, onPick }: TreeProps) {
  return (
    <nav className="tree card" aria-label="Changed files">
      {files.map((file) => {
        const Icon = ICONS[file.change];
        const comments = said(file.path);
        return (
          <button key={file.path} type="button" className="f" aria-current={file.path === chosen} onClick={() => onPick(file.path)} title={`${file.path} (${file.change})`}>
            <Icon size={13} aria-label={file.change} className="mut" />
            <span className="path" style={viewed.has(file.path) ? { color: "var(--fg-3)" } : undefined}>{visible(shortPath(file.path, 24))}</span>
            {comments > 0 ? <span className="num mut rv-said"><MessageSquare size={11} aria-hidden="true" /><span className="sr">comments: </span>{comments}</span> : null}
            {viewed.has(file.path) ? <span className="mut">viewed</span> : <PlusMinus plus={file.additions} minus={file.deletions} />}
          </button>
        );
      })}
    </nav>
  );
}
