import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { fontNow, onLook, themeNow } from "./look";
import { obeyPolicy } from "./strict";

/** For the bar at its right edge. */
const BAR = 14;
const SCROLLBACK = 5_000;
const LINKS = 8;

export interface Keys {
  onType: (data: Uint8Array) => void;
  onSize: (columns: number, rows: number) => void;
  /** Whether a press is the way out, and not for the shell. */
  isLeave: (event: KeyboardEvent) => boolean;
}

export interface Screen {
  columns: number;
  rows: number;
  write: (data: Uint8Array) => Promise<void>;
  focus: () => void;
  /** No more is typed. */
  freeze: () => void;
  close: () => void;
}

/** A terminal in a place, as large as that. What a program says is hostile: no link is followed, nothing reaches the clipboard or the title. */
export async function openScreen(place: HTMLElement, name: string, keys: Keys): Promise<Screen> {
  const font = fontNow();
  await document.fonts.load(`${font.fontSize}px ${font.fontFamily}`);
  const release = obeyPolicy();
  const terminal = new Terminal({
    ...font, theme: themeNow(), scrollback: SCROLLBACK, cursorBlink: false, minimumContrastRatio: 4.5,
    screenReaderMode: true, linkHandler: { activate: () => undefined }, allowProposedApi: false,
  });
  terminal.parser.registerOscHandler(LINKS, () => true);
  terminal.open(place);
  terminal.textarea?.setAttribute("aria-label", name);
  terminal.attachCustomKeyEventHandler((event) => !keys.isLeave(event));
  const utf8 = new TextEncoder();
  terminal.onData((data) => keys.onType(utf8.encode(data)));
  terminal.onBinary((data) => keys.onType(Uint8Array.from(data, (one) => one.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => keys.onSize(cols, rows));
  const fit = () => {
    const size = sizeOf(place, terminal);
    if (size) terminal.resize(size.columns, size.rows);
  };
  fit();
  const grown = new ResizeObserver(fit);
  grown.observe(place);
  const quiet = onLook(() => {
    terminal.options = { ...fontNow(), theme: themeNow() };
    fit();
  });
  return {
    get columns() { return terminal.cols; },
    get rows() { return terminal.rows; },
    write: (data) => new Promise((shown) => terminal.write(data, shown)),
    focus: () => terminal.focus(),
    freeze: () => { terminal.options.disableStdin = true; },
    close: () => {
      grown.disconnect();
      quiet();
      terminal.dispose();
      release();
    },
  };
}

/** How many characters fit. */
function sizeOf(place: HTMLElement, terminal: Terminal): { columns: number; rows: number } | null {
  const drawn = place.querySelector<HTMLElement>(".xterm-screen")?.getBoundingClientRect();
  if (!drawn || drawn.width === 0 || drawn.height === 0) return null;
  const style = getComputedStyle(place);
  const width = place.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight) - BAR;
  const height = place.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
  const at = (whole: number, one: number) => Math.min(Math.max(Math.floor(whole / one), 2), 1_000);
  return { columns: at(width, drawn.width / terminal.cols), rows: at(height, drawn.height / terminal.rows) };
}
