import { cloneElement, type KeyboardEvent, type ReactElement, type ReactNode, useId, useRef, useState } from "react";
import { cx } from "@/lib/cx";

export interface MenuItem {
  label: ReactNode;
  run?: () => void;
  danger?: boolean;
  disabled?: boolean;
  checked?: boolean;
}

type Trigger = ReactElement<{ onClick?: () => void; "aria-haspopup"?: "menu"; "aria-expanded"?: boolean; "aria-controls"?: string; ref?: React.Ref<HTMLButtonElement> }>;

const GAP = 4;

/** A button with a menu below it, in the browser's top layer. `null` among the items is a line. */
export function Menu({ trigger, items }: { trigger: Trigger; items: (MenuItem | null)[] }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const show = () => {
    const menu = list.current;
    const at = button.current?.getBoundingClientRect();
    if (!menu || !at || open) return;
    menu.showPopover();
    const box = menu.getBoundingClientRect();
    const below = at.bottom + GAP + box.height <= innerHeight;
    menu.style.top = `${below ? at.bottom + GAP : Math.max(at.top - GAP - box.height, GAP)}px`;
    menu.style.left = `${Math.max(Math.min(at.right - box.width, innerWidth - box.width - 8), 8)}px`;
    choices(menu)[0]?.focus();
  };
  return (
    <>
      {cloneElement(trigger, { onClick: show, "aria-haspopup": "menu", "aria-expanded": open, "aria-controls": id, ref: button })}
      <div
        ref={list} id={id} popover="auto" role="menu" className="menu" onKeyDown={moved}
        onToggle={(event) => {
          const now = (event as unknown as { newState: string }).newState === "open";
          setOpen(now);
          if (!now && (document.activeElement === document.body || list.current?.contains(document.activeElement))) button.current?.focus();
        }}
      >
        <Items items={items} onDone={() => list.current?.hidePopover()} />
      </div>
    </>
  );
}

/** Arrows, Home and End go from one choice of a menu to another; Tab leaves it. */
export function moved(event: KeyboardEvent<HTMLElement>): void {
  const all = choices(event.currentTarget);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const next = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
  if (event.key === "Tab") event.currentTarget.hidePopover();
  if (next === undefined) return;
  event.preventDefault();
  all[next]?.focus();
}

export function Items({ items, onDone }: { items: (MenuItem | null)[]; onDone: () => void }) {
  return items.map((item, index) =>
    item === null ? <hr key={index} role="separator" /> : (
      <button
        key={index} type="button" tabIndex={-1} className={cx(item.danger && "d")} aria-disabled={item.disabled || undefined}
        {...(item.checked === undefined ? { role: "menuitem" } : { role: "menuitemradio", "aria-checked": item.checked })}
        onClick={() => {
          if (item.disabled) return;
          onDone();
          item.run?.();
        }}
      >
        {item.checked === undefined ? null : <span aria-hidden="true" style={{ width: 12 }}>{item.checked ? "✓" : ""}</span>}
        {item.label}
      </button>
    ),
  );
}

export function choices(menu: HTMLElement): HTMLElement[] {
  return [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]')];
}
