import { CODE_SIZES, type Density, type Theme, usePrefs } from "@/lib/prefs";
import { Choice, Switch } from "./Row";

export function Appearance() {
  const prefs = usePrefs();
  return (
    <>
      <Choice<Theme> label="Theme" hint="System follows what your device is set to." value={prefs.theme} onChange={prefs.setTheme} options={[["light", "Light"], ["dark", "Dark"], ["system", "System"]]} />
      <Choice<Density> label="Density" hint="How high rows are. Under a finger they are never lower than 44 pixels." value={prefs.density} onChange={prefs.setDensity} options={[["compact", "Compact"], ["default", "Default"], ["comfortable", "Comfortable"]]} />
      <Choice<number> label="Code size" hint="Of code, logs and diffs, in pixels." value={prefs.code} onChange={prefs.setCode} options={CODE_SIZES.map((size) => [size, String(size)])} />
      <pre className="log sample" aria-label="How code looks" tabIndex={0}>{"def merge(branch: str) -> Commit:\n    return repository.merge(branch, onto=\"main\")"}</pre>
      <Switch label="Narrow sidebar" hint="Icons without words." on={prefs.rail} onChange={prefs.toggleRail} />
    </>
  );
}
