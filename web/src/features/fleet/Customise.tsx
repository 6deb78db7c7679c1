import { ArrowDown, ArrowUp } from "lucide-react";
import { Dialog } from "@/components/Dialog";
import { COLUMNS } from "./columns";
import { type Cell, CELLS, type Custom, type Section, SECTIONS } from "./custom";

interface CustomiseProps {
  custom: Custom;
  onChange: (custom: Custom | null) => void;
  onClose: () => void;
}

function toggled<T>(list: T[], one: T, all: T[]): T[] {
  return list.includes(one) ? list.filter((other) => other !== one) : all.filter((other) => other === one || list.includes(other));
}

/** Which sections, cells and columns the fleet shows, and in which order its sections. */
export default function Customise({ custom, onChange, onClose }: CustomiseProps) {
  const hidden = (Object.keys(SECTIONS) as Section[]).filter((section) => !custom.sections.includes(section));
  const move = (at: number, by: number) => {
    const sections = [...custom.sections];
    const [one] = sections.splice(at, 1);
    sections.splice(at + by, 0, one!);
    onChange({ ...custom, sections });
  };
  return (
    <Dialog title="Customise the fleet" onClose={onClose}>
      <p className="mut" style={{ fontSize: 12.5 }}>Kept for you in every window. The page stands still while this is open.</p>
      <fieldset className="pick">
        <legend>Sections</legend>
        {custom.sections.map((section, at) => (
          <div key={section} className="one">
            <label><input type="checkbox" checked disabled={custom.sections.length === 1} onChange={() => onChange({ ...custom, sections: custom.sections.filter((one) => one !== section) })} />{SECTIONS[section]}</label>
            <button type="button" className="ib" aria-label={`Move ${SECTIONS[section]} up`} disabled={at === 0} onClick={() => move(at, -1)}><ArrowUp size={13} /></button>
            <button type="button" className="ib" aria-label={`Move ${SECTIONS[section]} down`} disabled={at === custom.sections.length - 1} onClick={() => move(at, 1)}><ArrowDown size={13} /></button>
          </div>
        ))}
        {hidden.map((section) => (
          <div key={section} className="one"><label><input type="checkbox" checked={false} onChange={() => onChange({ ...custom, sections: [...custom.sections, section] })} />{SECTIONS[section]}</label></div>
        ))}
      </fieldset>
      <fieldset className="pick two">
        <legend>Cells of the strip</legend>
        {(Object.keys(CELLS) as Cell[]).map((cell) => (
          <label key={cell}><input type="checkbox" checked={custom.cells.includes(cell)} onChange={() => onChange({ ...custom, cells: toggled(custom.cells, cell, Object.keys(CELLS) as Cell[]) })} />{CELLS[cell]}</label>
        ))}
      </fieldset>
      <fieldset className="pick two">
        <legend>Columns, as far as they fit</legend>
        {COLUMNS.map(({ key, label }) => (
          <label key={key}><input type="checkbox" checked={custom.columns.includes(key)} disabled={key === "agent"} onChange={() => onChange({ ...custom, columns: toggled(custom.columns, key, COLUMNS.map((column) => column.key)) })} />{label}</label>
        ))}
      </fieldset>
      <div className="b">
        <button type="button" className="btn g" onClick={() => onChange(null)}>Reset</button>
        <button type="button" className="btn p" onClick={onClose}>Done</button>
      </div>
    </Dialog>
  );
}
