import { create } from "zustand";
import { onKept, readKept, writeKept } from "./kept";

export type Theme = "light" | "dark" | "system";
export type Density = "compact" | "default" | "comfortable";

export const CODE_SIZES = [11, 12, 13, 14, 15] as const;
const USUAL_CODE = 12;

interface Look {
  theme: Theme;
  density: Density;
  rail: boolean;
  /** Size of code, logs and diffs in pixels. */
  code: number;
}

interface Prefs extends Look {
  setTheme: (theme: Theme) => void;
  setDensity: (density: Density) => void;
  setCode: (size: number) => void;
  toggleRail: () => void;
}

const one = <T,>(value: unknown, of: readonly T[], usual: T): T => (of.includes(value as T) ? (value as T) : usual);

function read(): Look {
  return {
    theme: one<Theme>(readKept("theme"), ["light", "dark", "system"], "system"),
    density: one<Density>(readKept("density"), ["compact", "default", "comfortable"], "default"),
    rail: readKept("rail") === "yes",
    code: one<number>(readKept("code"), CODE_SIZES, USUAL_CODE),
  };
}

const FORCED = matchMedia("(forced-colors: active)");
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Where a system gives its own colours, glyphs and charts keep theirs, which have to fit the system's ground. */
export function isDark(theme: Theme): boolean {
  if (FORCED.matches) return DARK.matches;
  return theme === "dark" || (theme === "system" && DARK.matches);
}

function show({ theme, density, code }: Look): void {
  const root = document.documentElement;
  root.dataset.theme = isDark(theme) ? "dark" : "light";
  if (density === "default") delete root.dataset.density;
  else root.dataset.density = density;
  if (code === USUAL_CODE) root.style.removeProperty("--code-size");
  else root.style.setProperty("--code-size", `${code}px`);
}

export const usePrefs = create<Prefs>(() => ({
  ...read(),
  setTheme: (theme) => writeKept("theme", theme === "system" ? null : theme),
  setDensity: (density) => writeKept("density", density === "default" ? null : density),
  setCode: (size) => writeKept("code", size === USUAL_CODE ? null : size),
  toggleRail: () => writeKept("rail", usePrefs.getState().rail ? null : "yes"),
}));

const LOOKS = new Set(["theme", "density", "rail", "code"]);

onKept(({ name }) => {
  if (!LOOKS.has(name)) return;
  const look = read();
  show(look);
  usePrefs.setState(look);
});
for (const query of [DARK, FORCED]) query.addEventListener("change", () => show(usePrefs.getState()));
show(usePrefs.getState());
