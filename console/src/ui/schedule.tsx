// When a rule runs by itself: the usual schedules picked, any other as five fields, with what the server makes of it.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Alert, Input, InputNumber, Select, Skeleton, Space } from 'antd';
import { useState } from 'react';
import { sayFailure } from '../api/client';
import { type Schedule, tellSchedule, type Windows } from '../api/calls';
import { cronOf, type Picked, pickedOf } from '../lib/cron';
import { ownZone, zones } from '../lib/format';
import { dayNames } from '../lib/week';
import { When } from './parts';
import { useSettled } from './pick';

const KINDS = (): { value: Picked['kind'] | 'never'; label: string }[] => [
  { value: 'never', label: t`Only when somebody runs it` },
  { value: 'week', label: t`On days of the week` },
  { value: 'month', label: t`Once a month` },
  { value: 'hours', label: t`Every few hours` },
  { value: 'cron', label: t`As a cron expression` },
];
const STARTS: Record<Picked['kind'], Picked> = {
  week: { kind: 'week', days: [1, 2, 3, 4, 5], hour: 20, minute: 0 },
  month: { kind: 'month', day: 1, hour: 3, minute: 0 },
  hours: { kind: 'hours', every: 6, minute: 0 },
  cron: { kind: 'cron', cron: '0 20 * * 1-5' },
};
const pad = (n: number) => String(n).padStart(2, '0');

function Time({
  hour,
  minute,
  onChange,
  disabled,
}: {
  hour: number;
  minute: number;
  onChange: (hour: number, minute: number) => void;
  disabled?: boolean;
}) {
  return (
    <Input
      type="time"
      aria-label={t`At`}
      style={{ width: 120 }}
      disabled={disabled}
      value={`${pad(hour)}:${pad(minute)}`}
      onChange={(e) => {
        const [h, m] = e.target.value.split(':').map(Number);
        if (h !== undefined && m !== undefined) onChange(h, m);
      }}
    />
  );
}

/** What the server says: in words, the next moments, or what is wrong. */
export function ScheduleTold({ schedule, windows }: { schedule: Schedule; windows?: Windows | null }) {
  const settled = useSettled(JSON.stringify({ ...schedule, windows: windows ?? undefined }), 300);
  const told = useQuery({
    queryKey: ['schedule', settled],
    queryFn: ({ signal }) => tellSchedule(JSON.parse(settled) as Schedule, signal),
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
  if (told.error && !told.data) return <div className="sub wrong">{sayFailure(told.error)}</div>;
  if (!told.data) return <Skeleton active title={false} paragraph={{ rows: 2 }} />;
  const said = told.data;
  if (!said.ok) return <Alert type="error" showIcon title={said.error ?? t`This is no schedule`} />;
  return (
    <div role="status">
      <p style={{ margin: '0 0 6px' }}>
        <Trans>
          Runs <b>{said.text}</b>
        </Trans>
      </p>
      <div className="sub">
        <Trans>Next, in {schedule.zone}:</Trans>
      </div>
      <ol className="next">
        {said.next.slice(0, 5).map((at) => (
          <li key={at} className="num">
            {/* The windows may be in another zone: the rule's own is the one that is meant. */}
            <When at={at} as="run" zone={schedule.zone} />
          </li>
        ))}
      </ol>
      {said.next.length === 0 && (
        <div className="sub wrong">
          <Trans>It would never run.</Trans>
        </div>
      )}
    </div>
  );
}

export function ScheduleEditor({
  value,
  onChange,
  windows,
  disabled,
}: {
  value?: Schedule | null;
  onChange?: (schedule: Schedule | null) => void;
  windows?: Windows | null;
  disabled?: boolean;
}) {
  // A usual schedule may be wanted as an expression too.
  const [raw, setRaw] = useState(false);
  const picked = value
    ? raw
      ? ({ kind: 'cron', cron: value.cron } as const)
      : pickedOf(value.cron)
    : undefined;
  const own = ownZone();
  const put = (p: Picked) => onChange?.({ cron: cronOf(p), zone: value?.zone ?? own });
  return (
    <div>
      <Space wrap size={8} style={{ marginBottom: 10 }}>
        <Select
          aria-label={t`When it runs`}
          style={{ minWidth: 230 }}
          disabled={disabled}
          value={picked?.kind ?? 'never'}
          options={KINDS()}
          onChange={(kind: Picked['kind'] | 'never') => {
            setRaw(kind === 'cron');
            if (kind === 'never') onChange?.(null);
            else put(kind === 'cron' && value ? { kind, cron: value.cron } : STARTS[kind]);
          }}
        />
        {picked?.kind === 'week' && (
          <>
            <Select
              mode="multiple"
              aria-label={t`Days`}
              style={{ minWidth: 250 }}
              disabled={disabled}
              value={picked.days}
              options={dayNames().map((d, i) => ({ value: i + 1, label: d }))}
              onChange={(days: number[]) => days.length && put({ ...picked, days: [...days].sort() })}
            />
            <Time
              {...picked}
              disabled={disabled}
              onChange={(hour, minute) => put({ ...picked, hour, minute })}
            />
          </>
        )}
        {picked?.kind === 'month' && (
          <>
            <Select
              aria-label={t`Day of the month`}
              style={{ minWidth: 130 }}
              disabled={disabled}
              value={picked.day}
              options={[
                ...Array.from({ length: 31 }, (_, i) => ({
                  value: (i + 1) as number | 'L',
                  label: t`day ${i + 1}`,
                })),
                { value: 'L' as const, label: t`the last day` },
              ]}
              onChange={(day: number | 'L') => put({ ...picked, day })}
            />
            <Time
              {...picked}
              disabled={disabled}
              onChange={(hour, minute) => put({ ...picked, hour, minute })}
            />
          </>
        )}
        {picked?.kind === 'hours' && (
          <>
            <Select
              aria-label={t`How often`}
              style={{ minWidth: 150 }}
              disabled={disabled}
              value={picked.every}
              options={[1, 2, 3, 4, 6, 8, 12].map((n) => ({
                value: n,
                label: n === 1 ? t`every hour` : t`every ${n} hours`,
              }))}
              onChange={(every: number) => put({ ...picked, every })}
            />
            <InputNumber
              aria-label={t`Minute of the hour`}
              min={0}
              max={59}
              precision={0}
              prefix={t`at minute`}
              style={{ width: 150 }}
              disabled={disabled}
              value={picked.minute}
              onChange={(minute) => put({ ...picked, minute: minute ?? 0 })}
            />
          </>
        )}
        {picked?.kind === 'cron' && (
          <Input
            className="mono"
            aria-label={t`Cron expression: minute, hour, day of month, month, day of week`}
            style={{ width: 220 }}
            disabled={disabled}
            value={value!.cron}
            placeholder="0 20 * * 1-5"
            onChange={(e) => onChange?.({ cron: e.target.value, zone: value!.zone })}
          />
        )}
        {value && (
          <Select
            showSearch
            aria-label={t`Time zone`}
            style={{ minWidth: 190 }}
            disabled={disabled}
            value={value.zone}
            options={zones().map((z) => ({ value: z, label: z }))}
            onChange={(zone: string) => onChange?.({ ...value, zone })}
          />
        )}
      </Space>
      {value ? (
        <ScheduleTold schedule={value} windows={windows} />
      ) : (
        <p className="sub">
          <Trans>It can be run by hand at any time, whatever is chosen here.</Trans>
        </p>
      )}
    </div>
  );
}
