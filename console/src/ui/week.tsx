// When a rule's jobs may work: a week in hours, drawn with pointer or keys, and the exact times below it.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CloseOutlined } from '@ant-design/icons';
import { Button, Input, Select, Switch } from 'antd';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import type { Windows } from '../api/calls';
import { zones } from '../lib/format';
import { coverOf, dayNames, hourShare, minuteOf, setHour, spansOf, SPANS_MAX, spanText } from '../lib/week';
import { HourHead, HOURS, pad } from './hourhead';

const NIGHTS = { days: [1, 2, 3, 4, 5], from: '20:00', to: '06:00' };
const WEEKEND = { days: [6, 7], from: '00:00', to: '24:00' };
const PRESETS = (): [string, { days: number[]; from: string; to: string }[]][] => [
  [t`Nights`, [NIGHTS]],
  [t`Nights and weekends`, [NIGHTS, WEEKEND]],
  [t`Weekends`, [WEEKEND]],
];

function Grid({
  cover,
  onChange,
  disabled,
}: {
  cover: Uint8Array;
  onChange: (cover: Uint8Array) => void;
  disabled?: boolean;
}) {
  const [at, setAt] = useState<[number, number]>([0, 20]);
  // What is drawn while the pointer is down; the latest, since moves come faster than renders.
  const drawing = useRef<{ on: boolean; cover: Uint8Array } | undefined>(undefined);
  const grid = useRef<HTMLDivElement>(null);
  const paint = (day: number, hour: number) => {
    if (!drawing.current) return;
    drawing.current.cover = setHour(drawing.current.cover, day, hour, drawing.current.on);
    onChange(drawing.current.cover);
  };
  const key = (e: KeyboardEvent) => {
    const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
    const [day, hour] = at;
    if (move) {
      e.preventDefault();
      const next: [number, number] = [(day + move[0]! + 7) % 7, (hour + move[1]! + 24) % 24];
      // With Shift what one leaves is what one draws on with.
      if (e.shiftKey && !disabled)
        onChange(setHour(cover, next[0], next[1], hourShare(cover, day, hour) === 1));
      setAt(next);
      grid.current?.querySelector<HTMLElement>(`[data-at="${next[0]}-${next[1]}"]`)?.focus();
    } else if ((e.key === ' ' || e.key === 'Enter') && !disabled) {
      e.preventDefault();
      onChange(setHour(cover, day, hour, hourShare(cover, day, hour) < 1));
    }
  };
  const under = (x: number, y: number) => {
    const cell = document.elementFromPoint(x, y)?.closest<HTMLElement>('[data-at]');
    const [day, hour] = cell?.dataset.at?.split('-').map(Number) ?? [];
    if (day !== undefined && hour !== undefined) paint(day, hour);
  };
  return (
    <div
      ref={grid}
      className="week"
      role="grid"
      aria-label={t`Hours of the week; arrow keys move, the space bar opens or closes an hour`}
      aria-disabled={disabled}
      onKeyDown={key}
      onPointerMove={(e) => drawing.current && under(e.clientX, e.clientY)}
      onPointerUp={() => {
        drawing.current = undefined;
      }}
      onPointerCancel={() => {
        drawing.current = undefined;
      }}
      onPointerLeave={() => {
        drawing.current = undefined;
      }}
    >
      <HourHead className="hours" />
      {dayNames().map((name, day) => (
        <div role="row" key={name}>
          <span role="rowheader">{name}</span>
          {HOURS.map((hour) => {
            const share = hourShare(cover, day, hour);
            return (
              <span
                key={hour}
                role="gridcell"
                data-at={`${day}-${hour}`}
                tabIndex={at[0] === day && at[1] === hour ? 0 : -1}
                aria-selected={share > 0}
                aria-label={
                  share > 0 && share < 1
                    ? t`${name} ${pad(hour)}:00 to ${pad(hour + 1)}:00, in part`
                    : t`${name} ${pad(hour)}:00 to ${pad(hour + 1)}:00`
                }
                className={share === 1 ? 'on' : share > 0 ? 'part' : ''}
                onFocus={() => setAt([day, hour])}
                onPointerDown={(e) => {
                  if (disabled || e.button !== 0) return;
                  e.currentTarget.releasePointerCapture?.(e.pointerId);
                  drawing.current = { on: share < 1, cover };
                  paint(day, hour);
                }}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

export function WindowsEditor({
  value,
  onChange,
  zone,
  disabled,
}: {
  value?: Windows | null;
  onChange?: (windows: Windows | null) => void;
  /** Where a new one begins. */
  zone: string;
  disabled?: boolean;
}) {
  const cover = useMemo(() => coverOf(value?.spans ?? []), [value]);
  const [exact, setExact] = useState({ days: [1, 2, 3, 4, 5], from: '20:30', to: '05:45' });
  const put = (next: Uint8Array) => onChange?.({ zone: value?.zone ?? zone, spans: spansOf(next) });
  const spans = value?.spans ?? [];
  const from = minuteOf(exact.from);
  const fits = exact.days.length > 0 && from !== undefined && from < 1440 && minuteOf(exact.to) !== undefined;
  return (
    <div>
      <label className="switch">
        <Switch
          disabled={disabled}
          checked={!!value}
          aria-label={t`Work only within windows`}
          onChange={(on) => onChange?.(on ? { zone, spans: [NIGHTS] } : null)}
        />{' '}
        <Trans>Work only within windows</Trans>
      </label>
      <p className="sub">
        <Trans>
          Outside of them a job pauses after the file in hand, and goes on by itself when the next window
          opens.
        </Trans>
      </p>
      {value && (
        <>
          <Grid cover={cover} disabled={disabled} onChange={put} />
          <div className="bar" style={{ margin: '10px 0' }}>
            {(disabled ? [] : PRESETS()).map(([name, list]) => (
              <Button
                key={name}
                size="small"
                onClick={() => put(coverOf(list.map((s) => ({ ...s, days: [...s.days] }))))}
              >
                {name}
              </Button>
            ))}
            <Select
              size="small"
              showSearch
              aria-label={t`Time zone of the windows`}
              style={{ minWidth: 170 }}
              disabled={disabled}
              value={value.zone ?? zone}
              options={zones().map((z) => ({ value: z, label: z }))}
              onChange={(z: string) => onChange?.({ ...value, zone: z })}
            />
          </div>
          {spans.length === 0 ? (
            <div className="sub wrong" role="alert">
              <Trans>No hour is open: the rule could never work. Open some, or switch the windows off.</Trans>
            </div>
          ) : (
            <ul className="spans" aria-label={t`Windows`}>
              {spans.map((s) => (
                <li key={`${s.days.join('')}${s.from}${s.to}`} className="tag">
                  {spanText(s)}
                  {!disabled && (
                    <Button
                      size="small"
                      type="text"
                      aria-label={t`Remove ${spanText(s)}`}
                      icon={<CloseOutlined />}
                      onClick={() => onChange?.({ ...value, spans: spans.filter((x) => x !== s) })}
                    />
                  )}
                </li>
              ))}
            </ul>
          )}
          {spans.length > SPANS_MAX && (
            <div className="sub wrong" role="alert">
              <Trans>
                These are {spans.length} separate windows; at most {SPANS_MAX} can be kept.
              </Trans>
            </div>
          )}
          {!disabled && (
            <details>
              <summary className="sub">
                <Trans>Times that are no whole hours</Trans>
              </summary>
              <div className="bar" style={{ margin: '8px 0 0' }}>
                <Select
                  mode="multiple"
                  size="small"
                  aria-label={t`Days of the window`}
                  style={{ minWidth: 220 }}
                  value={exact.days}
                  options={dayNames().map((d, i) => ({ value: i + 1, label: d }))}
                  onChange={(days: number[]) => setExact({ ...exact, days: [...days].sort() })}
                />
                <Input
                  size="small"
                  type="time"
                  aria-label={t`From`}
                  style={{ width: 110 }}
                  value={exact.from}
                  onChange={(e) => setExact({ ...exact, from: e.target.value })}
                />
                <Input
                  size="small"
                  type="time"
                  aria-label={t`Until`}
                  style={{ width: 110 }}
                  value={exact.to}
                  onChange={(e) => setExact({ ...exact, to: e.target.value })}
                />
                <Button size="small" disabled={!fits} onClick={() => put(coverOf([...spans, exact]))}>
                  <Trans>Add the window</Trans>
                </Button>
              </div>
            </details>
          )}
        </>
      )}
    </div>
  );
}
