import { useLayoutEffect, useRef } from "react";
import { choices, Items, type MenuItem, moved } from "./Menu";

interface ContextProps {
  label: string;
  items: (MenuItem | null)[];
  /** Where it was asked for, in pixels of the window. */
  at: { x: number; y: number };
  onClose: () => void;
}

const EDGE = 8;

/** What can be done with something, where the pointer is. It closes by Escape, and the focus goes back. */
export function ContextMenu({ label, items, at, onClose }: ContextProps) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const menu = list.current;
    const opener = document.activeElement;
    menu?.showPopover();
    if (menu) {
      menu.style.left = `${Math.max(Math.min(at.x, innerWidth - menu.offsetWidth - EDGE), EDGE)}px`;
      menu.style.top = `${Math.max(Math.min(at.y, innerHeight - menu.offsetHeight - EDGE), EDGE)}px`;
      choices(menu)[0]?.focus();
    }
    return () => { if (opener instanceof HTMLElement && (document.activeElement === document.body || menu?.contains(document.activeElement))) opener.focus(); };
  }, [at.x, at.y]);
  return (
    <div
      ref={list} popover="auto" role="menu" aria-label={label} className="menu" onKeyDown={moved}
      onToggle={(event) => { if ((event as unknown as { newState: string }).newState === "closed") onClose(); }}
    >
      <Items items={items} onDone={() => list.current?.hidePopover()} />
    </div>
  );
}
