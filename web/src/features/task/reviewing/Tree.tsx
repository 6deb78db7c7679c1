import { ChevronDown, ChevronRight, FilePen, FilePlus, FileX, MessageSquare } from "lucide-react";
import { useState } from "react";
import type { ProducedFile } from "@/api/types";
import { PlusMinus } from "@/components/PlusMinus";
import { shortPath } from "@/lib/format";
import { visible } from "@/lib/visible";
import { type Folder, foldersOf, nameOf } from "./folders";

const ICONS = { created: FilePlus, modified: FilePen, renamed: FilePen, deleted: FileX };

interface TreeProps {
  files: ProducedFile[];
  chosen: string;
  viewed: ReadonlySet<string>;
  said: (path: string) => number;
  onPick: (path: string) => void;
}

/** The changed files by folder, with how much changed, how much was said and what was viewed. */
export function Tree({ files, ...rest }: TreeProps) {
  const folders = foldersOf(files);
  const seen = files.filter((file) => rest.viewed.has(file.path)).length;
  return (
    <nav className="tree card" aria-label="Changed files">
      {folders.length === 1 && folders[0]!.path === "" ? files.map((file) => <File key={file.path} file={file} {...rest} />) : folders.map((folder) => <Branch key={folder.path} folder={folder} {...rest} />)}
      <p className="mut num seen">{seen} of {files.length} viewed</p>
    </nav>
  );
}

type Rest = Omit<TreeProps, "files">;

function Branch({ folder, ...rest }: { folder: Folder<ProducedFile> } & Rest) {
  const [folded, setFolded] = useState(false);
  const Twist = folded ? ChevronRight : ChevronDown;
  return (
    <>
      <button type="button" className="f dir" aria-expanded={!folded} title={folder.path || "The root"} onClick={() => setFolded(!folded)}>
        <Twist size={12} aria-hidden="true" /><span className="path">{folder.path === "" ? "/" : visible(shortPath(folder.path, 28))}</span>{folded ? <span className="num mut">{folder.files.length}</span> : null}
      </button>
      {folded ? null : folder.files.map((file) => <File key={file.path} file={file} deep {...rest} />)}
    </>
  );
}

function File({ file, deep = false, chosen, viewed, said, onPick }: { file: ProducedFile; deep?: boolean } & Rest) {
  const Icon = ICONS[file.change];
  const comments = said(file.path);
  return (
    <button type="button" className="f" style={deep ? { paddingLeft: 26 } : undefined} aria-current={file.path === chosen} onClick={() => onPick(file.path)} title={`${file.path} (${file.change})`}>
      <Icon size={13} aria-label={file.change} className="mut" />
      <span className="path" style={viewed.has(file.path) ? { color: "var(--fg-3)" } : undefined}>{visible(nameOf(file.path))}</span>
      {comments > 0 ? <span className="num mut rv-said"><MessageSquare size={11} aria-hidden="true" /><span className="sr">comments: </span>{comments}</span> : null}
      {viewed.has(file.path) ? <span className="mut">viewed</span> : <PlusMinus plus={file.additions} minus={file.deletions} />}
    </button>
  );
}
