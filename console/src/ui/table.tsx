// One list: a table where there is room, cards on a phone; loading, failing and empty alike everywhere.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Button, Card, Checkbox, Grid, Skeleton, Table, type TableColumnType, type TableProps } from 'antd';
import { type Key, type ReactNode, type UIEvent, useEffect, useState } from 'react';
import type { List } from '../api/data';
import { type Listed, listed } from '../lib/counted';
import { count } from '../lib/format';
import { useAddress } from '../lib/session';
import { Failed } from './basics';
import { TimesOfList } from './time';

interface Props<T> extends Omit<TableProps<T>, 'columns'> {
  list: List<T>;
  empty: ReactNode;
  what: Listed;
  columns: TableColumnType<T>[];
  /** On a phone, in place of a line for each column. */
  brief?: (row: T) => ReactNode;
  /** What can be done with a row: a last column that is always in view. */
  acts?: (row: T) => ReactNode;
}

function keyOfRow<T>(rowKey: TableProps<T>['rowKey'], row: T, index: number): Key {
  return typeof rowKey === 'function' ? rowKey(row, index) : (row as Record<string, Key>)[String(rowKey)]!;
}

function CardOf<T>({
  row,
  index,
  columns,
  acts,
  brief,
  choose,
  more,
  shown,
  onShow,
}: {
  row: T;
  index: number;
  columns: TableColumnType<T>[];
  acts?: (row: T) => ReactNode;
  brief?: (row: T) => ReactNode;
  choose?: ReactNode;
  more?: (row: T) => ReactNode;
  /** Whether more is shown, where who uses the table keeps it. */
  shown?: boolean;
  onShow?: (open: boolean) => void;
}) {
  const [own, setOwn] = useState(false);
  const open = shown ?? own;
  const cell = (c: TableColumnType<T>) => c.render?.(undefined, row, index) as ReactNode;
  const [first, ...others] = columns;
  const facts = brief
    ? []
    : others
        .map((c) => ({ c, value: cell(c) }))
        .filter(({ value }) => value !== null && value !== undefined && value !== '' && value !== false);
  const doing = acts?.(row);
  return (
    <li>
      <div className="top">
        {choose}
        <div className="what">
          {first && cell(first)}
          {brief && <div className="brief">{brief(row)}</div>}
        </div>
        {brief && doing}
      </div>
      {facts.length > 0 && (
        <dl>
          {facts.map(({ c, value }, i) => [
            <dt key={`t${i}`}>{c.title as ReactNode}</dt>,
            <dd key={`d${i}`}>{value}</dd>,
          ])}
        </dl>
      )}
      {more && open && <div className="more">{more(row)}</div>}
      {((doing && !brief) || more) && (
        <div className="acts">
          {more && (
            <Button
              size="small"
              type="text"
              aria-expanded={open}
              onClick={() => (shown === undefined ? setOwn(!open) : onShow?.(!open))}
            >
              {open ? t`Less` : t`More`}
            </Button>
          )}
          {!brief && doing}
        </div>
      )}
    </li>
  );
}

function Cards<T extends object>({
  list,
  columns,
  acts,
  brief,
  rowKey,
  rowSelection,
  expandable,
  what,
}: Props<T>) {
  const chosen = rowSelection?.selectedRowKeys ?? [];
  const choose = (key: Key, on: boolean) => {
    const keys = on ? [...chosen, key] : chosen.filter((k) => k !== key);
    rowSelection?.onChange?.(keys, [], { type: 'single' });
  };
  return (
    <ul
      className={`cards${list.items.length > 60 ? ' many' : ''}${brief ? ' brief' : ''}`}
      aria-label={listed(what)[1]}
    >
      {list.items.map((row, i) => {
        const key = keyOfRow(rowKey, row, i);
        return (
          <CardOf<T>
            key={key}
            row={row}
            index={i}
            columns={columns}
            acts={acts}
            brief={brief}
            shown={expandable?.expandedRowKeys?.includes(key)}
            onShow={(open) => expandable?.onExpand?.(open, row)}
            more={expandable?.expandedRowRender && ((r: T) => expandable.expandedRowRender!(r, i, 0, true))}
            choose={
              rowSelection && (
                <Checkbox
                  aria-label={t`Choose ${String((row as { name?: string }).name ?? key)}`}
                  checked={chosen.includes(key)}
                  onChange={(e) => choose(key, e.target.checked)}
                />
              )
            }
          />
        );
      })}
    </ul>
  );
}

/** Not more are asked for because an address says so. */
const PAGES_MAX = 20;

/** How far a list was read is in the address too: whoever gets it sees as much. */
function usePages<T>({ pages, more, moreBusy, moreFailed }: List<T>): void {
  const [search, change] = useAddress();
  const wanted = Math.min(PAGES_MAX, Math.max(1, Math.floor(Number(search.get('pages'))) || 1));
  useEffect(() => {
    // What failed is asked for again by a person alone.
    if (!pages || moreBusy || moreFailed || pages === wanted) return;
    if (pages < wanted) more?.();
    else if (wanted < PAGES_MAX) change({ pages: String(Math.min(PAGES_MAX, pages)) });
  }, [pages, wanted, more, moreBusy, moreFailed, change]);
}

export function DataTable<T extends object>(props: Props<T>) {
  const { list, empty, what, columns, acts, brief, ...rest } = props;
  const room = Grid.useBreakpoint().md ?? true;
  usePages(list);
  const [one, many] = listed(what);
  const name = list.items.length === 1 && !list.more && !list.pending ? one : many;
  const shownCount = count(list.items.length);
  if (list.error) return <Failed error={list.error} retry={list.retry} />;
  if (list.pending) {
    return (
      <Card aria-busy="true" role="status" aria-label={t`Loading ${name}`}>
        <Skeleton
          active
          title={false}
          paragraph={{ rows: 8, width: ['92%', '97%', '88%', '95%', '90%', '96%', '86%', '60%'] }}
        />
      </Card>
    );
  }
  if (list.items.length === 0) return <Card>{empty}</Card>;
  const shown = acts
    ? [
        ...columns,
        {
          key: 'acts',
          title: (
            <span className="sr">
              <Trans>Actions</Trans>
            </span>
          ),
          align: 'right' as const,
          fixed: 'end' as const,
          width: 110,
          render: (_: unknown, row: T) => acts(row),
        },
      ]
    : columns;
  const near = (e: UIEvent<HTMLDivElement>) => {
    const at = e.currentTarget;
    if (
      list.more &&
      !list.moreBusy &&
      !list.moreFailed &&
      at.scrollHeight - at.scrollTop - at.clientHeight < 600
    )
      list.more();
  };
  return (
    <Card styles={{ body: { padding: 0, overflow: 'hidden' } }}>
      <TimesOfList>
        {room ? (
          <Table<T>
            {...rest}
            className="listed"
            columns={shown}
            dataSource={list.items}
            pagination={false}
            scroll={{ x: 'max-content', ...rest.scroll }}
            onScroll={rest.virtual ? near : undefined}
          />
        ) : (
          <Cards {...props} />
        )}
      </TimesOfList>
      <div
        style={{
          padding: '10px 16px',
          display: 'flex',
          gap: 12,
          alignItems: 'center',
          justifyContent: 'space-between',
          minHeight: 24,
        }}
      >
        <span className="sub" role="status">
          {list.total !== undefined
            ? t`${shownCount} of ${count(list.total)} ${name}`
            : list.more
              ? t`${shownCount} ${name} so far`
              : `${shownCount} ${name}`}
        </span>
        {list.more && (
          <Button size="small" loading={list.moreBusy} onClick={list.more}>
            <Trans>Load more</Trans>
          </Button>
        )}
      </div>
    </Card>
  );
}
