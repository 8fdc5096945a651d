// A map of days and hours, darker where more happened. Arrow keys go through it, Enter opens an hour; the same stands in a table for those who want numbers.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { type KeyboardEvent, useRef, useState } from 'react';
import { counted } from '../lib/counted';
import { count, utc } from '../lib/format';
import { type Cell, clock, type HeatRow, level, LEVELS, mostOf, sum } from '../lib/heat';
import { HourHead, HOURS, pad } from './hourhead';

const uses = (c: { reads: number; writes: number }): string =>
  sum(c) === 0 ? t`no access` : `${counted(c.reads, 'read')}, ${counted(c.writes, 'write')}`;

/** The time of a cell on the wall clock: as its hours of UTC say, where it has any. */
const wall = (cell: Cell, hour: number) =>
  cell.hours[0] !== undefined ? clock(cell.hours[0]) : `${pad(hour)}:00–${pad((hour + 1) % 24)}:00`;

/** "13:00–14:00 UTC" of one day; nothing where the cell is of many days. */
function inUtc(cell: Cell): string {
  if (cell.hours.length !== 1) return '';
  const at = new Date(cell.hours[0]!).toISOString();
  return utc(at).replace(/:\d\d UTC$/, ' UTC');
}

export function tell(row: HeatRow, hour: number): string {
  const cell = row.cells[hour]!;
  const zone = inUtc(cell);
  const told = `${row.full}, ${wall(cell, hour)}: ${uses(cell)}`;
  return zone ? t`${told} (from ${zone})` : told;
}

export function Heat({
  rows,
  label,
  onOpen,
}: {
  rows: HeatRow[];
  label: string;
  /** An hour that was chosen; undefined: none can be. */
  onOpen?: (cell: Cell) => void;
}) {
  const [at, setAt] = useState<[number, number]>([0, 12]);
  const [seen, setSeen] = useState<string>();
  const grid = useRef<HTMLDivElement>(null);
  const most = mostOf(rows);
  const row = Math.min(at[0], rows.length - 1);
  const key = (e: KeyboardEvent) => {
    const move = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      Home: [0, -24],
      End: [0, 24],
      PageUp: [-rows.length, 0],
      PageDown: [rows.length, 0],
    }[e.key];
    if (move) {
      e.preventDefault();
      const next: [number, number] = [
        Math.max(0, Math.min(rows.length - 1, row + move[0]!)),
        Math.max(0, Math.min(23, at[1] + move[1]!)),
      ];
      setAt(next);
      grid.current?.querySelector<HTMLElement>(`[data-at="${next[0]}-${next[1]}"]`)?.focus();
    } else if ((e.key === 'Enter' || e.key === ' ') && onOpen) {
      e.preventDefault();
      const cell = rows[row]?.cells[at[1]];
      if (cell && sum(cell) > 0) onOpen(cell);
    }
  };
  return (
    <>
      <div
        ref={grid}
        className="heat"
        role="grid"
        aria-label={label}
        aria-readonly="true"
        onKeyDown={key}
        onPointerLeave={() => setSeen(undefined)}
      >
        <HourHead />
        {rows.map((r, i) => (
          <div role="row" key={r.key}>
            <span role="rowheader" title={`${r.full}: ${uses(r)}`}>
              {r.name}
            </span>
            {r.cells.map((c, hour) => (
              <span
                key={hour}
                role="gridcell"
                data-at={`${i}-${hour}`}
                tabIndex={row === i && at[1] === hour ? 0 : -1}
                aria-label={tell(r, hour)}
                title={tell(r, hour)}
                className={`l${level(sum(c), most)}${onOpen && sum(c) > 0 ? ' open' : ''}`}
                onFocus={() => {
                  setAt([i, hour]);
                  setSeen(tell(r, hour));
                }}
                onBlur={() => setSeen(undefined)}
                onPointerEnter={() => setSeen(tell(r, hour))}
                onClick={() => onOpen && sum(c) > 0 && onOpen(c)}
              />
            ))}
          </div>
        ))}
      </div>
      <div className="heatfoot">
        <span className="sub" aria-hidden="true">
          {seen ??
            (onOpen
              ? t`Choose an hour to see what was used in it.`
              : t`Point at an hour, or use the arrow keys.`)}
        </span>
        <span className="legend" style={{ margin: 0 }} aria-hidden="true">
          <Trans>none</Trans>
          <span className="heat scale">
            {Array.from({ length: LEVELS + 1 }, (_, l) => (
              <span key={l} role="presentation" className={`l${l}`} />
            ))}
          </span>
          <Trans>{count(most)} or more</Trans>
        </span>
      </div>
    </>
  );
}

/** The same in numbers. */
export function HeatTable({ rows, label }: { rows: HeatRow[]; label: string }) {
  const columns = HOURS.filter((h) => rows.some((r) => sum(r.cells[h]!) > 0));
  return (
    <div className="heattable" tabIndex={0} role="region" aria-label={label}>
      <table>
        <caption className="sr">{label}</caption>
        <thead>
          <tr>
            <th scope="col">
              <Trans>Day</Trans>
            </th>
            <th scope="col">
              <Trans>All</Trans>
            </th>
            {columns.map((h) => (
              <th key={h} scope="col">
                {pad(h)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((r) => (
            <tr key={r.key}>
              <th scope="row">{r.name}</th>
              <td>
                <b>{count(sum(r))}</b>
              </td>
              {columns.map((h) => (
                <td key={h} title={tell(r, h)}>
                  {sum(r.cells[h]!) > 0 ? count(sum(r.cells[h]!)) : <span className="none">·</span>}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
