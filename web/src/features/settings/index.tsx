import { PageHeading, usePageTitle } from "@/components/Page";
import { type Density, type Theme, usePrefs } from "@/lib/prefs";
import { Notify } from "./Notify";

function Choice<T extends string>({ legend, hint, value, options, onChange }: { legend: string; hint: string; value: T; options: [T, string][]; onChange: (value: T) => void }) {
  return (
    <fieldset className="field" style={{ padding: 0 }}>
      <legend className="lbl" style={{ fontWeight: 540, padding: 0 }}>{legend}</legend>
      <span className="hint">{hint}</span>
      <div className="seg" role="radiogroup" aria-label={legend} style={{ alignSelf: "flex-start" }}>
        {options.map(([option, label]) => (
          <button key={option} type="button" role="radio" aria-checked={value === option} onClick={() => onChange(option)}>{label}</button>
        ))}
      </div>
    </fieldset>
  );
}

export function Component() {
  const prefs = usePrefs();
  usePageTitle("Settings");
  return (
    <>
      <div className="ph"><div><PageHeading>Settings</PageHeading><p>Kept in this browser.</p></div></div>
      <div className="form">
        <Choice<Theme> legend="Theme" hint="System follows what your device is set to." value={prefs.theme} onChange={prefs.setTheme} options={[["light", "Light"], ["dark", "Dark"], ["system", "System"]]} />
        <Choice<Density> legend="Density" hint="The height of rows." value={prefs.density} onChange={prefs.setDensity} options={[["compact", "Compact"], ["default", "Default"], ["comfortable", "Comfortable"]]} />
        <Notify />
      </div>
    </>
  );
}
