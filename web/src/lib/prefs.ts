import { create } from "zustand";

export type Theme = "light" | "dark" | "system";
export type Density = "compact" | "default" | "comfortable";

interface Prefs {
  theme: Theme;
  density: Density;
  rail: boolean;
  setTheme: (theme: Theme) => void;
  setDensity: (density: Density) => void;
  toggleRail: () => void;
}

const stored = (name: string) => localStorage.getItem(`muster.${name}`);

function keep(name: string, value: string | null): void {
  if (value === null) localStorage.removeItem(`muster.${name}`);
  else localStorage.setItem(`muster.${name}`, value);
}

export function isDark(theme: Theme): boolean {
  return theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

function show(theme: Theme): void {
  document.documentElement.dataset.theme = isDark(theme) ? "dark" : "light";
}

export const usePrefs = create<Prefs>((set, get) => ({
  theme: (stored("theme") as Theme | null) ?? "system",
  density: (stored("density") as Density | null) ?? "default",
  rail: stored("rail") === "yes",
  setTheme: (theme) => {
    keep("theme", theme === "system" ? null : theme);
    show(theme);
    set({ theme });
  },
  setDensity: (density) => {
    keep("density", density === "default" ? null : density);
    if (density === "default") delete document.documentElement.dataset.density;
    else document.documentElement.dataset.density = density;
    set({ density });
  },
  toggleRail: () => {
    keep("rail", get().rail ? null : "yes");
    set({ rail: !get().rail });
  },
}));

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => show(usePrefs.getState().theme));
