import { Dialog } from "@/components/Dialog";

const KEYS: [string, string][] = [
  ["Ctrl K", "Search or jump to"], ["c", "New task"], ["g f", "Fleet"], ["g i", "Inbox"], ["g t", "Tasks"], ["g c", "Chat"], ["g p", "Projects"], ["g q", "Queues"], ["g a", "Agents"], ["Shift C", "New agent"], ["g s", "Settings"],
  ["j  k", "Next and previous row"], ["Enter", "Open the row"], ["Space", "Peek at the row"], ["Esc", "Close the panel"], ["a  q  d", "Approve, ask and reject a request"], ["x", "Select a request of low risk"],
  ["n  p", "Next and previous hunk, in a diff"], ["[  ]", "Previous and next file, in a diff"], ["c", "Comment on the line, in a diff"], ["Ctrl Enter", "Send the review, in a diff"], ["u", "Side by side or unified, in a diff"], ["v", "Viewed, in a diff"],
  ["Alt ↑  Alt ↓", "Earlier and later in the queue"], ["p  s", "Pause or resume, stop, an agent at work"], ["m", "Message the agent; move to, on the board"],
  ["f", "Follow output"], ["/", "Search this page"], ["[", "Narrow the sidebar"], ["Ctrl D", "Light or dark"], ["?", "This card"],
];

export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <table className="au">
        <tbody>
          {KEYS.map(([keys, what]) => (
            <tr key={keys}><td>{what}</td><td><kbd className="kbd">{keys}</kbd></td></tr>
          ))}
        </tbody>
      </table>
      <p className="mut" style={{ fontSize: 12 }}>Single keys do nothing while you type.</p>
      <div className="b"><button type="button" className="btn" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}
