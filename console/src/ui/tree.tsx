// Folders as a tree: each level is read when it is opened, a page at a time, the largest first or as asked.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CaretDownOutlined, CaretRightOutlined, FolderFilled } from '@ant-design/icons';
import { useInfiniteQuery } from '@tanstack/react-query';
import { Button, Grid, Spin } from 'antd';
import { type KeyboardEvent, useMemo, useRef } from 'react';
import { sayFailure } from '../api/client';
import { type TreeFolder, volumeTree } from '../api/calls';
import { bytes, count } from '../lib/format';
import { type Place, visible } from '../lib/path';
import { useAddress } from '../lib/session';
import { LOCAL, Size, TIERED, When } from './parts';

export type TreeSort = 'bytes' | 'files' | 'name' | 'accessed';
const PAGE = 50;

export const folderQuery = (f: Place) =>
  f.b64 ? { folder_b64: f.b64 } : { folder: f.path === '/' ? undefined : f.path };

export function useFolders(volume: string, folder: Place, sort: TreeSort, enabled = true) {
  return useInfiniteQuery({
    queryKey: ['tree', volume, folder.b64 ?? folder.path, sort],
    queryFn: ({ pageParam, signal }) =>
      volumeTree(volume, { ...folderQuery(folder), sort, offset: pageParam, limit: PAGE }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => {
      const seen = pages.reduce((n, p) => n + p.items.length, 0);
      return last.items.length > 0 && seen < last.total ? seen : undefined;
    },
    enabled,
  });
}

const keyOf = (f: TreeFolder) => f.path_b64 ?? f.path;
export const placeOfFolder = (f: TreeFolder): Place => ({ path: f.path, b64: f.path_b64 });

/** Unfolded folders, of the address. */
export function keysOf(text: string): Set<string> {
  const keys = new Set<string>();
  for (const one of text.split('|')) {
    try {
      if (one) keys.add(decodeURIComponent(one));
    } catch {
      // Cut off on its way: it stays folded.
    }
  }
  return keys;
}

interface Same {
  volume: string;
  sort: TreeSort;
  open: Set<string>;
  toggle: (key: string, on?: boolean) => void;
  onOpen: (folder: Place) => void;
  /** Columns that are shown: fewer on a phone. */
  columns: number;
}

function Row({ f, level, most, ...same }: Same & { f: TreeFolder; level: number; most: number }) {
  const key = keyOf(f);
  const open = same.open.has(key);
  const share = most > 0 ? (100 * f.bytes) / most : 0;
  const tiered = f.bytes > 0 ? (share * f.stub_bytes) / f.bytes : 0;
  return (
    <>
      <tr
        role="row"
        tabIndex={-1}
        data-key={key}
        data-children={f.has_children || undefined}
        aria-level={level}
        aria-expanded={f.has_children ? open : undefined}
      >
        <td role="gridcell">
          <span className="branch" style={{ paddingInlineStart: (level - 1) * 18 }}>
            {f.has_children ? (
              <Button
                size="small"
                type="text"
                tabIndex={-1}
                aria-label={open ? t`Close ${f.name}` : t`Open ${f.name}`}
                icon={open ? <CaretDownOutlined /> : <CaretRightOutlined />}
                onClick={() => same.toggle(key)}
              />
            ) : (
              <span className="leaf" />
            )}
            <FolderFilled style={{ color: '#d9a441' }} aria-hidden />
            <Button type="link" title={f.path} tabIndex={-1} onClick={() => same.onOpen(placeOfFolder(f))}>
              {visible(f.name)}
            </Button>
            {f.unreadable && (
              <span className="tag warn">
                <Trans>not readable</Trans>
              </span>
            )}
          </span>
        </td>
        <td role="gridcell" className="num">
          <Size n={f.bytes} />
        </td>
        <td role="gridcell" className="share">
          <div
            className="split"
            role="img"
            aria-label={t`${bytes(f.bytes - f.stub_bytes)} local, ${bytes(f.stub_bytes)} tiered`}
          >
            <i style={{ width: `${share - tiered}%`, background: LOCAL }} />
            <i style={{ width: `${tiered}%`, background: TIERED }} />
          </div>
        </td>
        <td role="gridcell" className="num room">
          {count(f.files)}
        </td>
        <td role="gridcell" className="room">
          <When at={f.accessed_at} none={t`not known`} />
        </td>
        <td role="gridcell" className="room">
          <When at={f.modified_at} none={t`not known`} />
        </td>
      </tr>
      {open && <Branch {...same} folder={placeOfFolder(f)} level={level + 1} />}
    </>
  );
}

function Branch({ folder, level, ...same }: Same & { folder: Place; level: number }) {
  const list = useFolders(same.volume, folder, same.sort);
  const pad = { paddingInlineStart: (level - 1) * 18 + 24 };
  if (list.isPending)
    return (
      <tr role="row" aria-level={level}>
        <td role="gridcell" colSpan={same.columns} style={pad}>
          <Spin size="small" aria-label={t`Loading`} />
        </td>
      </tr>
    );
  if (list.error && !list.data)
    return (
      <tr role="row" aria-level={level}>
        <td role="gridcell" colSpan={same.columns} style={pad}>
          <span className="wrong">{sayFailure(list.error)}</span>{' '}
          <Button size="small" onClick={() => void list.refetch()}>
            <Trans>Try again</Trans>
          </Button>
        </td>
      </tr>
    );
  const items = list.data?.pages.flatMap((p) => p.items) ?? [];
  const most = Math.max(1, ...items.map((f) => f.bytes));
  const total = list.data?.pages[0]?.total ?? items.length;
  return (
    <>
      {items.map((f) => (
        <Row key={keyOf(f)} {...same} f={f} level={level} most={most} />
      ))}
      {items.length === 0 && (
        <tr role="row" aria-level={level}>
          <td role="gridcell" colSpan={same.columns} style={pad} className="sub">
            <Trans>There are no folders below it.</Trans>
          </td>
        </tr>
      )}
      {list.hasNextPage && (
        <tr role="row" aria-level={level}>
          <td role="gridcell" colSpan={same.columns} style={pad}>
            <Button size="small" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              <Trans>{count(total - items.length)} more</Trans>
            </Button>
          </td>
        </tr>
      )}
    </>
  );
}

export function Tree({
  volume,
  folder,
  sort,
  onOpen,
}: {
  volume: string;
  folder: Place;
  sort: TreeSort;
  onOpen: (folder: Place) => void;
}) {
  const wide = Grid.useBreakpoint().md ?? true;
  const [search, change] = useAddress();
  const unfold = search.get('unfold') ?? '';
  const open = useMemo(() => keysOf(unfold), [unfold]);
  const body = useRef<HTMLTableSectionElement>(null);
  const toggle = (key: string, on?: boolean) => {
    const next = new Set(open);
    if (on ?? !next.has(key)) next.add(key);
    else next.delete(key);
    change({ unfold: [...next].map(encodeURIComponent).join('|') });
  };
  const move = (e: KeyboardEvent<HTMLTableSectionElement>) => {
    const rows = [...(body.current?.querySelectorAll<HTMLTableRowElement>('tr[data-key]') ?? [])];
    const row = (e.target as HTMLElement).closest<HTMLTableRowElement>('tr[data-key]');
    const at = row ? rows.indexOf(row) : -1;
    const focus = (r?: HTMLTableRowElement) => {
      if (!r) return;
      e.preventDefault();
      r.focus();
    };
    if (e.key === 'ArrowDown') focus(rows[at + 1]);
    else if (e.key === 'ArrowUp') focus(rows[at - 1]);
    else if (e.key === 'Home') focus(rows[0]);
    else if (e.key === 'End') focus(rows.at(-1));
    else if (!row) return;
    else if (e.key === 'ArrowRight' && row.dataset.children) {
      e.preventDefault();
      toggle(row.dataset.key!, true);
    } else if (e.key === 'ArrowLeft') {
      e.preventDefault();
      if (row.getAttribute('aria-expanded') === 'true') toggle(row.dataset.key!, false);
      else focus(rows.slice(0, at).findLast((r) => Number(r.ariaLevel) < Number(row.ariaLevel)));
    } else if (e.key === 'Enter' && e.target === row)
      row.querySelector<HTMLElement>('.ant-btn-link')?.click();
  };
  return (
    <table className="tree" role="treegrid" aria-label={t`Folders; arrow keys move, open and close`}>
      <thead>
        <tr role="row">
          <th role="columnheader">
            <Trans>Folder</Trans>
          </th>
          <th role="columnheader" className="num">
            <Trans>Data</Trans>
          </th>
          <th role="columnheader" className="share">
            <span className="sr">
              <Trans>Local and tiered</Trans>
            </span>
          </th>
          <th role="columnheader" className="num room">
            <Trans>Files</Trans>
          </th>
          <th role="columnheader" className="room">
            <Trans>Accessed</Trans>
          </th>
          <th role="columnheader" className="room">
            <Trans>Modified</Trans>
          </th>
        </tr>
      </thead>
      <tbody
        ref={body}
        tabIndex={0}
        aria-label={t`Folders`}
        onKeyDown={move}
        onFocus={(e) => {
          if (e.target === e.currentTarget) body.current?.querySelector<HTMLElement>('tr[data-key]')?.focus();
        }}
      >
        <Branch
          volume={volume}
          sort={sort}
          open={open}
          toggle={toggle}
          columns={wide ? 6 : 3}
          onOpen={onOpen}
          folder={folder}
          level={1}
        />
      </tbody>
    </table>
  );
}
