import { useKept } from "@/lib/kept";
import { keepLive, type Kind, RATES, rateOf, readLive, USUAL } from "@/lib/rates";
import { Row, Switch } from "./Row";

function pace(rate: number): string {
  return rate < 1_000 ? `${rate} ms` : rate < 60_000 ? `${rate / 1_000} s` : `${rate / 60_000} min`;
}

export default function LiveData() {
  const [live] = useKept("live", USUAL, readLive);
  return (
    <>
      <p className="sub note-s">Changes arrive over one connection as they happen. Here you say how often what is shown follows them, at most: slower is calmer, and cheaper on a slow line.</p>
      {(Object.keys(RATES) as Kind[]).map((kind) => (
        <Row key={kind} label={RATES[kind].label} hint={RATES[kind].hint} value={rateOf(kind, live)}>
          {(ids) => (
            <select id={ids.id} className="inp" aria-describedby={ids.hint} value={rateOf(kind, live)} onChange={(event) => keepLive({ ...live, own: { ...live.own, [kind]: Number(event.target.value) } })}>
              {RATES[kind].choices.map((rate) => <option key={rate} value={rate}>{pace(rate)}{rate === RATES[kind].usual ? " (usual)" : ""}</option>)}
            </select>
          )}
        </Row>
      ))}
      <Switch label="Pause in the background" hint="While nobody sees the window only the count of what waits for you is kept up." on={live.pause} onChange={(pause) => keepLive({ ...live, pause })} />
    </>
  );
}
