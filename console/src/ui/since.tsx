// Narrows a list to what happened of late: one choice for all lists of events.
import { t } from '@lingui/core/macro';
import { Select } from 'antd';

const HOURS: Record<string, number> = { hour: 1, day: 24, week: 168, month: 720 };

/** Since when, by the choice in the address; nothing: since ever. */
export const sinceOf = (range: string | undefined) =>
  range && HOURS[range] ? new Date(Date.now() - HOURS[range] * 3_600_000).toISOString() : undefined;

export const SincePick = ({
  value,
  onChange,
}: {
  value?: string;
  onChange: (range: string | undefined) => void;
}) => (
  <Select
    allowClear
    aria-label={t`Time`}
    placeholder={t`All times`}
    style={{ width: 130 }}
    value={value}
    onChange={onChange}
    options={[
      { value: 'hour', label: t`Last hour` },
      { value: 'day', label: t`Last day` },
      { value: 'week', label: t`Last week` },
      { value: 'month', label: t`Last month` },
    ]}
  />
);
