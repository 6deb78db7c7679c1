import { draggable, dropTargetForElements, monitorForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { type RefObject, useEffect, useRef, useState } from "react";

/** What is dragged: a task, by id. */
export interface Dragged {
  [key: string]: unknown;
  task: string;
}

export type Edge = "before" | "after";

/** Makes an element something that can be dragged, by its handle if it has one. */
export function useDraggable(ref: RefObject<HTMLElement | null>, task: string, handle?: RefObject<HTMLElement | null>, enabled = true): boolean {
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    if (!ref.current || !enabled) return;
    return draggable({
      element: ref.current,
      dragHandle: handle?.current ?? undefined,
      getInitialData: (): Dragged => ({ task }),
      onDragStart: () => setDragging(true),
      onDrop: () => setDragging(false),
    });
  }, [ref, handle, task, enabled]);
  return dragging;
}

/** Makes an element a place to drop on; the answer is what is over it now, with the edge that is nearer. */
export function useDropTarget(ref: RefObject<HTMLElement | null>, onDrop: (task: string, edge: Edge) => void): { task: string; edge: Edge } | null {
  const [over, setOver] = useState<{ task: string; edge: Edge } | null>(null);
  const drop = useRef(onDrop);
  useEffect(() => {
    drop.current = onDrop;
  });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const edge = (y: number): Edge => {
      const box = element.getBoundingClientRect();
      return y < box.top + box.height / 2 ? "before" : "after";
    };
    const look = ({ source, self, location }: { source: { data: Record<string, unknown> }; self: { element: Element }; location: { current: { dropTargets: { element: Element }[]; input: { clientY: number } } } }) => {
      // Only the innermost place is one.
      if (location.current.dropTargets[0]?.element !== self.element) return setOver(null);
      const next = { task: String(source.data.task), edge: edge(location.current.input.clientY) };
      setOver((before) => (before?.task === next.task && before.edge === next.edge ? before : next));
    };
    return dropTargetForElements({
      element,
      onDragEnter: look,
      onDrag: look,
      onDragLeave: () => setOver(null),
      onDrop: ({ source, self, location }) => {
        setOver(null);
        if (location.current.dropTargets[0]?.element === self.element) drop.current(String(source.data.task), edge(location.current.input.clientY));
      },
    });
  }, [ref]);
  return over;
}

/** The task that is being dragged anywhere on the page. */
export function useDraggedTask(): string | null {
  const [task, setTask] = useState<string | null>(null);
  useEffect(() => monitorForElements({
    onDragStart: ({ source }) => setTask(String(source.data.task)),
    onDrop: () => setTask(null),
  }), []);
  return task;
}
