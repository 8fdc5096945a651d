// Choosing one noun out of as many as there are: the server searches, page after page is loaded while scrolling.
import { t } from '@lingui/core/macro';
import { Select, Spin } from 'antd';
import { type UIEvent, useEffect, useState } from 'react';
import { sayFailure } from '../api/client';
import { type NamedNoun, useNamed, useNouns } from '../api/data';

interface Props {
  noun: NamedNoun;
  /** Only this customer's. */
  customer?: string;
  value?: string | null;
  onChange?: (id: string | undefined) => void;
  /** A choice above all others, with an empty id. */
  all?: string;
  id?: string;
  label?: string;
  placeholder?: string;
  allowClear?: boolean;
  disabled?: boolean;
  style?: React.CSSProperties;
  className?: string;
}

export function useSettled<T>(value: T, ms = 250): T {
  const [settled, set] = useState(value);
  useEffect(() => {
    const wait = setTimeout(() => set(value), ms);
    return () => clearTimeout(wait);
  }, [value, ms]);
  return settled;
}

export function Pick({ noun, customer, value, onChange, all, label, ...rest }: Props) {
  const [text, setText] = useState('');
  const settled = useSettled(text);
  const list = useNouns(noun, customer, settled);
  const now = useNamed(noun, value, customer);
  const items = list.items.map((n) => ({ value: n.id, label: n.name }));
  if (now && !text && !items.some((o) => o.value === now.id))
    items.unshift({ value: now.id, label: now.name });
  if (all && !text) items.unshift({ value: '', label: all });
  // Never the bare id: it says nothing to anybody.
  const shown = value
    ? { value, label: now?.name ?? '…' }
    : all !== undefined
      ? { value: '', label: all }
      : undefined;
  const scrolled = (e: UIEvent<HTMLDivElement>) => {
    const at = e.currentTarget;
    if (list.more && !list.moreBusy && at.scrollHeight - at.scrollTop - at.clientHeight < 120) list.more();
  };
  return (
    <Select
      {...rest}
      aria-label={label}
      labelInValue
      value={shown}
      options={items}
      onPopupScroll={scrolled}
      loading={list.pending || list.moreBusy}
      showSearch={{ filterOption: false, searchValue: text, onSearch: setText }}
      onOpenChange={(open) => {
        if (!open) setText('');
      }}
      notFoundContent={
        list.pending || settled !== text ? (
          <Spin size="small" />
        ) : list.error ? (
          sayFailure(list.error)
        ) : text ? (
          t`None has this name`
        ) : (
          t`There is none yet`
        )
      }
      onChange={(chosen: { value: string } | undefined) => {
        setText('');
        onChange?.(chosen?.value || undefined);
      }}
    />
  );
}

/** The name of a noun that another one refers to. */
export function NameOf({
  noun,
  id,
  customer,
}: {
  noun: NamedNoun;
  id: string | null | undefined;
  customer?: string;
}) {
  const found = useNamed(noun, id, customer);
  return id ? <span title={found?.name}>{found?.name ?? '…'}</span> : <>–</>;
}

/** Narrows a list to one volume. */
export const VolumePick = (props: Pick<Props, 'customer' | 'value' | 'onChange' | 'style'>) => (
  <Pick noun="volumes" allowClear label={t`Volume`} placeholder={t`All volumes`} {...props} />
);
