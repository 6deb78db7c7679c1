import type { ITheme } from "@xterm/xterm";

const COLOURS = {
  background: "--code", foreground: "--fg", cursor: "--fg", cursorAccent: "--code", selectionBackground: "--accent-soft", selectionForeground: "--fg",
  black: "--surface-3", red: "--st-failed", green: "--st-succeeded", yellow: "--st-waiting", blue: "--st-running", magenta: "--st-stale", cyan: "--c3", white: "--fg-2",
  brightBlack: "--fg-3", brightRed: "--st-failed", brightGreen: "--st-succeeded", brightYellow: "--st-waiting", brightBlue: "--st-running", brightMagenta: "--st-stale", brightCyan: "--c3", brightWhite: "--fg",
  scrollbarSliderBackground: "--surface-3", scrollbarSliderHoverBackground: "--border-strong", scrollbarSliderActiveBackground: "--border-strong",
} as const satisfies Partial<Record<keyof ITheme, string>>;

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The sixteen colours of a terminal, of the tokens in force. */
export function themeNow(): ITheme {
  return Object.fromEntries(Object.entries(COLOURS).map(([name, of]) => [name, token(of)]));
}

export function fontNow(): { fontFamily: string; fontSize: number } {
  return { fontFamily: token("--font-mono"), fontSize: Number.parseFloat(token("--code-size")) || 12 };
}

/** Tells when the theme or the size of code was changed. */
export function onLook(changed: () => void): () => void {
  const watch = new MutationObserver(changed);
  watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "style"] });
  return () => watch.disconnect();
}
