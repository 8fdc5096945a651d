// One import, from the file to the figures: choose, upload, look, run.
import { plural, t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import {
  Alert,
  Button,
  Card,
  Collapse,
  Form,
  Grid,
  Input,
  InputNumber,
  Progress,
  Select,
  Steps,
  Table,
} from 'antd';
import { useEffect, useState } from 'react';
import { useParams } from 'react-router';
import { sayFailure } from '../api/client';
import { useNamed } from '../api/data';
import {
  cancelImport,
  getImport,
  type Import,
  IMPORT_FIELDS,
  type ImportColumn,
  type ImportField,
  type ImportOptions,
  lookAgain,
  refusedUrl,
  runImport,
} from '../api/calls';
import { counted } from '../lib/counted';
import { bytes, count, duration, percent } from '../lib/format';
import { visible } from '../lib/path';
import { useGo, useWho } from '../lib/session';
import { startUpload, stopUpload, useUpload } from '../lib/uploads';
import { useAct } from '../ui/act';
import { Coming, Failed, Page, State, When } from '../ui/parts';
import { NameOf } from '../ui/pick';
import { Tiles } from '../ui/planview';
import { Drop, Start } from './importnew';

const ENDED = ['done', 'failed', 'cancelled'];

// ---- upload ----

function Uploading({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  const { mayWrite } = useWho();
  const client = useQueryClient();
  const run = useUpload(of.id);
  const [wrong, setWrong] = useState('');
  const done = (last: Import) => {
    client.setQueryData(['import', last.id], last);
    void client.invalidateQueries({ queryKey: ['imports'] });
  };
  const goOn = (file: File) => {
    if (file.size !== of.size) {
      setWrong(
        t`“${file.name}” has ${count(file.size)} bytes, the one that was begun has ${count(of.size)}.`,
      );
      return;
    }
    setWrong('');
    startUpload(file, of, done);
  };
  const received = run?.received ?? of.received;
  const left = run && run.speed > 0 ? ((of.size - received) * 1000) / run.speed : undefined;
  return (
    <Card>
      <Progress
        aria-label={t`Upload`}
        percent={Math.floor((1000 * received) / Math.max(1, of.size)) / 10}
        status={run?.error ? 'exception' : run ? 'active' : 'normal'}
      />
      <p className="num" style={{ margin: '6px 0 12px' }} role="status">
        {[
          t`${bytes(received)} of ${bytes(of.size)}`,
          run && !run.error && run.speed > 0 && `${bytes(run.speed)}/s`,
          left !== undefined && !run?.error && t`${duration(left)} left`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {run?.waiting && (
        <Alert
          type="warning"
          showIcon
          title={t`It is tried again`}
          description={run.waiting}
          style={{ marginBottom: 12 }}
        />
      )}
      {run?.error && (
        <Alert
          type="error"
          showIcon
          title={t`The upload stopped`}
          description={t`${sayFailure(run.error)} What arrived is kept: choose the file again to go on.`}
          style={{ marginBottom: 12 }}
        />
      )}
      {!run && !mayWrite && (
        <p>
          <Trans>Whoever began it can go on with it, by choosing the same file again.</Trans>
        </p>
      )}
      {(!run || run.error) && mayWrite && (
        <>
          {!run?.error && (
            <p>
              {of.received > 0 && <Trans>The upload was interrupted.</Trans>}{' '}
              <Trans>Choose the same file again: it goes on where it was.</Trans>
            </p>
          )}
          <Drop
            text={t`Choose ${of.name} again`}
            sub={t`${bytes(of.size - of.received)} are missing.`}
            onFile={goOn}
          />
          {wrong && (
            <div className="sub wrong" role="alert" style={{ marginTop: 8 }}>
              {wrong}
            </div>
          )}
        </>
      )}
      <div className="bar" style={{ margin: '16px 0 0' }}>
        {run && !run.error && (
          <Button onClick={() => stopUpload(of.id)}>
            <Trans>Interrupt</Trans>
          </Button>
        )}
        {onCancel}
        {run && !run.error && (
          <span className="sub">
            <Trans>It goes on while you look at other rooms of the console.</Trans>
          </span>
        )}
      </div>
    </Card>
  );
}

// ---- the look ----

const MEANING = (): Record<ImportField, string> => ({
  path: t`Path, whole`,
  folder: t`Folder`,
  name: t`Name`,
  ext: t`Extension`,
  type: t`Type`,
  size: t`Size`,
  allocated: t`Size on disk`,
  modified: t`Modified`,
  accessed: t`Last access`,
  created: t`Created`,
  changed: t`Changed (ctime)`,
  owner: t`Owner`,
  group: t`Group`,
  mode: t`Mode`,
  attributes: t`Attributes`,
  inode: t`Inode`,
  links: t`Links`,
  state: t`State`,
});

/** The whole mapping as it is shown; fields that have no column say so, lest they be guessed again. */
export function mapOf(columns: ImportColumn[]): NonNullable<ImportOptions['map']> {
  const map: NonNullable<ImportOptions['map']> = {};
  for (const f of IMPORT_FIELDS) map[f] = columns.find((c) => c.field === f)?.name ?? null;
  return map;
}

/** One column means something else now; what meant that before means nothing. */
export function remap(columns: ImportColumn[], index: number, field: ImportField | null): ImportColumn[] {
  return columns.map((c, i) =>
    i === index ? { ...c, field } : field !== null && c.field === field ? { ...c, field: null } : c,
  );
}

const CHOICES = (): Record<
  'encoding' | 'dates' | 'header' | 'compression' | 'format',
  [string, string][]
> => ({
  format: [
    ['csv', 'CSV'],
    ['parquet', 'Parquet'],
  ],
  encoding: [
    ['utf-8', 'UTF-8'],
    ['utf-16le', t`UTF-16, little end first`],
    ['utf-16be', t`UTF-16, big end first`],
    ['cp1252', 'Windows-1252'],
  ],
  compression: [
    ['plain', t`none`],
    ['gzip', 'gzip'],
    ['zstd', 'zstd'],
  ],
  dates: [
    ['iso', '2026-01-31'],
    ['us', t`1/31/2026 (US)`],
    ['european', t`31.1.2026 (European)`],
  ],
  header: [
    ['yes', t`names the columns`],
    ['no', t`is data`],
  ],
});
const DELIMITERS = () =>
  [
    [',', t`comma ,`],
    [';', t`semicolon ;`],
    ['\t', t`tab`],
    ['|', t`bar |`],
    [' ', t`blank`],
  ] as const;

function Look({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  const { mayWrite } = useWho();
  const wide = Grid.useBreakpoint().md ?? true;
  const client = useQueryClient();
  const look = of.look!;
  const used = look.options;
  const keep = (next: Import) => client.setQueryData(['import', of.id], next);
  const again = useAct((options: ImportOptions) => lookAgain(of.id, options), [], keep, true);
  const run = useAct((options: ImportOptions) => runImport(of.id, options), ['imports'], keep, true);
  const chosen: ImportOptions = { ...of.options };
  const put = (change: ImportOptions) => again.mutate({ ...chosen, ...change });
  const choice = (key: keyof ReturnType<typeof CHOICES>, label: string) => (
    <Form.Item label={label} key={key}>
      <Select
        aria-label={label}
        value={used[key]}
        options={CHOICES()[key].map(([value, text]) => ({ value, label: text }))}
        onChange={(v: string) => put({ [key]: v })}
      />
    </Form.Item>
  );
  const csv = used.format !== 'parquet';
  const mapped = look.columns.filter((c) => c.field).length;
  const select = (c: ImportColumn, i: number) => (
    <Select<string>
      size="small"
      aria-label={t`What ${c.name} is`}
      style={{ width: 150 }}
      popupMatchSelectWidth={false}
      disabled={again.isPending || !mayWrite}
      value={c.field ?? ''}
      options={[
        { value: '', label: t`not used` },
        ...IMPORT_FIELDS.map((f) => ({ value: f, label: MEANING()[f] })),
      ]}
      onChange={(f) => put({ map: mapOf(remap(look.columns, i, (f || null) as ImportField | null)) })}
    />
  );
  const sample = look.rows.slice(0, wide ? 8 : 3);
  return (
    <>
      {(again.error ?? run.error) && <Failed error={again.error ?? run.error} />}
      {look.problem ? (
        <Alert
          type="warning"
          showIcon
          role="alert"
          title={t`It cannot be imported like this`}
          description={look.problem}
          style={{ marginBottom: 16 }}
        />
      ) : (
        <Alert
          type="success"
          showIcon
          title={
            look.made_by ? t`This looks like a list made by ${look.made_by}` : t`The columns were recognised`
          }
          description={t`About ${counted(look.rows_about, 'row')} in ${bytes(look.bytes)}; ${mapped} of ${look.columns.length} columns are used. See whether they mean what they should.`}
          style={{ marginBottom: 16 }}
        />
      )}
      <Card
        size="small"
        title={t`Columns`}
        style={{ marginBottom: 16 }}
        styles={{ body: { padding: 0 } }}
        aria-busy={again.isPending || undefined}
      >
        {wide ? (
          <Table
            size="small"
            rowKey="at"
            pagination={false}
            scroll={{ x: 'max-content' }}
            loading={again.isPending}
            dataSource={sample.map((cells, at) => ({ at, cells }))}
            columns={look.columns.map((c, i) => ({
              key: String(i),
              title: (
                <div className="column">
                  <span className="mono">{c.name}</span>
                  {select(c, i)}
                  <span className="sub">
                    {c.reads_as || (c.field ? '' : '–')}
                    {c.field && !c.guessed && ` · ${t`by you`}`}
                  </span>
                </div>
              ),
              render: (_: unknown, row: { cells: string[] }) => (
                <span className="mono cell" title={row.cells[i]}>
                  {visible(row.cells[i] ?? '')}
                </span>
              ),
            }))}
          />
        ) : (
          <ul className="cards" aria-label={t`Columns`}>
            {look.columns.map((c, i) => (
              <li key={i}>
                <div className="top">
                  <div className="what mono">{c.name}</div>
                  {select(c, i)}
                </div>
                <div className="sub">{c.reads_as}</div>
                {sample.map((row, n) => (
                  <div key={n} className="mono sub cut">
                    {visible(row[i] ?? '') || '–'}
                  </div>
                ))}
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Collapse
        style={{ marginBottom: 16 }}
        defaultActiveKey={look.problem ? ['how'] : []}
        items={[
          {
            key: 'how',
            label: t`How it is read`,
            children: (
              <Form layout="vertical" disabled={again.isPending || !mayWrite} component="div">
                <div className="fields">
                  {choice('format', t`Format`)}
                  {csv && choice('encoding', t`Letters`)}
                  {csv && (
                    <Form.Item label={t`Columns are separated by`}>
                      <Select
                        aria-label={t`Columns are separated by`}
                        value={used.delimiter}
                        options={DELIMITERS().map(([value, label]) => ({ value, label }))}
                        onChange={(v: string) => put({ delimiter: v })}
                      />
                    </Form.Item>
                  )}
                  {csv && choice('header', t`The first line`)}
                  {choice('dates', t`Dates are written`)}
                  {csv && choice('compression', t`Compressed with`)}
                  <Form.Item label={t`Times without a zone are`} extra={t`Minutes east of UTC.`}>
                    <InputNumber
                      aria-label={t`Minutes east of UTC`}
                      min={-840}
                      max={840}
                      precision={0}
                      style={{ width: '100%' }}
                      value={used.zone_minutes ?? 0}
                      changeOnWheel={false}
                      onBlur={(e) => {
                        const n = Number(e.target.value);
                        if (Number.isInteger(n) && n !== (used.zone_minutes ?? 0)) put({ zone_minutes: n });
                      }}
                    />
                  </Form.Item>
                  <Form.Item
                    label={t`The volume's folder is called`}
                    extra={t`In the list; what lies outside of it is refused.`}
                  >
                    <Input
                      key={used.root ?? ''}
                      className="mono"
                      aria-label={t`The volume's folder is called`}
                      defaultValue={used.root ?? ''}
                      onBlur={(e) => e.target.value !== (used.root ?? '') && put({ root: e.target.value })}
                      onPressEnter={(e) => e.currentTarget.blur()}
                    />
                  </Form.Item>
                  <Form.Item label={t`What is not in the list`}>
                    <Select
                      aria-label={t`What is not in the list`}
                      value={used.mode}
                      options={[
                        { value: 'replace', label: t`goes, if only an import knew it` },
                        { value: 'add', label: t`stays` },
                      ]}
                      onChange={(mode: 'replace' | 'add') => put({ mode })}
                    />
                  </Form.Item>
                  <Form.Item label={t`Give up when more are refused than`}>
                    <InputNumber
                      aria-label={t`Give up when more are refused than`}
                      min={1}
                      max={100}
                      precision={0}
                      suffix="%"
                      style={{ width: '100%' }}
                      value={used.refused_percent_max || 50}
                      onBlur={(e) => {
                        const n = parseInt(e.target.value, 10);
                        if (n > 0 && n !== (used.refused_percent_max || 50)) put({ refused_percent_max: n });
                      }}
                    />
                  </Form.Item>
                </div>
              </Form>
            ),
          },
        ]}
      />
      {mayWrite && (
        <div className="bar stay">
          <Button
            type="primary"
            disabled={!!look.problem || again.isPending}
            loading={run.isPending}
            onClick={() => run.mutate({ ...chosen, map: mapOf(look.columns) })}
          >
            <Trans>Import about {counted(look.rows_about, 'row')}</Trans>
          </Button>
          {onCancel}
          <span className="sub">
            <Trans>All of it or nothing: what fails changes nothing.</Trans>
          </span>
        </div>
      )}
    </>
  );
}

// ---- run and result ----

function Run({ of, onCancel }: { of: Import; onCancel: React.ReactNode }) {
  return (
    <Card>
      <Progress
        aria-label={t`Import`}
        status="active"
        percent={Math.min(100, Math.floor((1000 * of.bytes_done) / Math.max(1, of.size)) / 10)}
      />
      <div role="status" style={{ marginTop: 12 }}>
        <Tiles
          tiles={[
            { k: t`Rows`, v: count(of.rows) },
            { k: t`Rows a second`, v: count(Math.round(of.rows_per_s)) },
            { k: t`Refused`, v: count(of.refused) },
            { k: t`Doing`, v: <span style={{ fontSize: 20 }}>{of.phase || t`beginning`}</span> },
          ]}
        />
      </div>
      <div className="bar" style={{ marginBottom: 0 }}>
        {onCancel}
        <span className="sub">
          <Trans>
            Until it is through, plans and figures are as they were. It goes on without this page.
          </Trans>
        </span>
      </div>
    </Card>
  );
}

function Done({ of }: { of: Import }) {
  const go = useGo();
  const { mayWrite } = useWho();
  const r = of.result!;
  const took =
    of.started_at && of.ended_at
      ? new Date(of.ended_at).getTime() - new Date(of.started_at).getTime()
      : undefined;
  return (
    <>
      <Alert
        type={r.refused > 0 ? 'warning' : 'success'}
        showIcon
        title={r.refused > 0 ? t`Imported; ${counted(r.refused, 'row')} made no sense` : t`Imported`}
        description={
          <>
            {[counted(r.rows, 'row'), took !== undefined && t`in ${duration(took)}`]
              .filter(Boolean)
              .join(' ')}
            {took !== undefined && took > 0 && (
              <>
                {', '}
                <Trans>{count(Math.round((r.rows * 1000) / took))} a second</Trans>
              </>
            )}
            .{' '}
            {r.refused > 0 && (
              <Trans>Each refused row stands in the list with its line and the reason.</Trans>
            )}
          </>
        }
        action={
          r.refused > 0 && (
            <Button size="small" href={refusedUrl(of.id)} download={`${of.name}.refused.csv`}>
              <Trans>Download the refused</Trans>
            </Button>
          )
        }
        style={{ marginBottom: 16 }}
      />
      <Tiles
        tiles={[
          {
            k: t`Files`,
            v: count(r.files),
            s: `${counted(r.folders + r.folders_made, 'folder')}, ${counted(r.others, 'other')}`,
          },
          { k: t`Data`, v: bytes(r.bytes), s: t`as the list tells` },
          { k: t`New`, v: count(r.added), s: t`nobody knew them before` },
          { k: t`Replaced`, v: count(r.replaced), s: t`known from an import only` },
          { k: t`Evidence`, v: count(r.evidence), s: t`seen by a walk: a newer last access was learnt` },
          { k: t`Gone`, v: count(r.removed), s: t`from an earlier import, not in this list` },
        ]}
      />
      <div className="bar">
        {mayWrite && (
          <Button type="primary" onClick={() => go('/rules/new', { volume: of.volume_id })}>
            <Trans>Plan with a rule</Trans>
          </Button>
        )}
        <Button onClick={() => go(`/volumes/${of.volume_id}`)}>
          <Trans>See the figures</Trans>
        </Button>
        {mayWrite && (
          <Button onClick={() => go('/imports/new', { volume: of.volume_id })}>
            <Trans>Import another file</Trans>
          </Button>
        )}
      </div>
    </>
  );
}

function Broken({ of }: { of: Import }) {
  const go = useGo();
  const client = useQueryClient();
  const who = useWho();
  const again = useAct(
    () => lookAgain(of.id, of.options),
    ['imports'],
    (next) => client.setQueryData(['import', of.id], next),
    true,
  );
  return (
    <>
      <Alert
        type={of.state === 'failed' ? 'error' : 'info'}
        showIcon
        role="alert"
        title={
          of.state === 'failed'
            ? t`It could not be imported, and nothing was changed`
            : t`It was cancelled, and nothing was changed`
        }
        description={
          <>
            {of.text}
            {of.state === 'failed' && of.code && <div className="sub mono">{of.code}</div>}
          </>
        }
        action={
          of.refused > 0 && (
            <Button size="small" href={refusedUrl(of.id)} download={`${of.name}.refused.csv`}>
              <Trans>Download the refused</Trans>
            </Button>
          )
        }
        style={{ marginBottom: 16 }}
      />
      {again.error && <Failed error={again.error} />}
      {who.mayWrite && (
        <div className="bar">
          {of.received === of.size && (
            <Button type="primary" loading={again.isPending} onClick={() => again.mutate(undefined)}>
              <Trans>Look at it again</Trans>
            </Button>
          )}
          <Button onClick={() => go('/imports/new', { volume: of.volume_id })}>
            <Trans>Import another file</Trans>
          </Button>
        </div>
      )}
    </>
  );
}

const STEPS = () => [t`Upload`, t`First look`, t`Import`, t`Done`];
const STEP: Record<Import['state'], number> = {
  uploading: 0,
  ready: 1,
  running: 2,
  done: 3,
  failed: 2,
  cancelled: 2,
};

function One({ id }: { id: string }) {
  const wide = Grid.useBreakpoint().md ?? true;
  const who = useWho();
  const client = useQueryClient();
  const now = useQuery({
    queryKey: ['import', id],
    queryFn: ({ signal }) => getImport(id, signal),
    // Live events bring it up to date; this is for when they do not come.
    refetchInterval: (q) => (q.state.data?.state === 'running' ? 1000 : false),
  });
  const volume = useNamed('volumes', now.data?.volume_id, who.customer);
  const cancel = useAct(
    () => cancelImport(id),
    ['imports'],
    (next) => client.setQueryData(['import', id], next),
  );
  const i = now.data;
  const over = !!i && ENDED.includes(i.state);
  useEffect(() => {
    // What was shown of the volume is older than the import.
    if (i?.state === 'done')
      for (const key of ['volumes', 'volume', 'files']) void client.invalidateQueries({ queryKey: [key] });
  }, [i?.state, client]);
  const stop = who.mayWrite && !over && (
    <Button
      danger
      loading={cancel.isPending}
      onClick={() => {
        stopUpload(id);
        cancel.mutate(undefined);
      }}
    >
      <Trans>Cancel the import</Trans>
    </Button>
  );
  if (!i)
    return (
      <Coming title={t`Import`} what="import" of={now} list={{ path: '/imports', name: t`All imports` }} />
    );
  return (
    <Page
      title={t`Import: ${i.name}`}
      text={
        <>
          <Trans>
            into <NameOf noun="volumes" id={i.volume_id} customer={who.customer} />{' '}
            <span className="mono">{volume?.path ?? ''}</span>; by {i.created_by} <When at={i.created_at} />
          </Trans>
        </>
      }
      actions={<State of={i.state} />}
    >
      {wide ? (
        <Steps
          size="small"
          style={{ marginBottom: 20 }}
          current={STEP[i.state]}
          status={i.state === 'failed' ? 'error' : i.state === 'done' ? 'finish' : 'process'}
          items={STEPS().map((title) => ({ title }))}
        />
      ) : (
        <p className="sub">
          <Trans>
            Step {STEP[i.state] + 1} of 4: {STEPS()[STEP[i.state]]}
          </Trans>
        </p>
      )}
      {i.state === 'uploading' ? (
        <Uploading of={i} onCancel={stop} />
      ) : i.state === 'ready' ? (
        i.look ? (
          <Look of={i} onCancel={stop} />
        ) : (
          <Broken of={{ ...i, state: 'failed', text: i.text || t`It could not be looked at.` }} />
        )
      ) : i.state === 'running' ? (
        <Run of={i} onCancel={stop} />
      ) : i.state === 'done' && i.result ? (
        <Done of={i} />
      ) : (
        <Broken of={i} />
      )}
      {over && i.refused > 0 && (
        <p className="sub">
          {plural(i.refused, {
            one: `${count(i.refused)} of ${counted(i.rows, 'row')} was refused (${percent(i.refused, i.rows)}).`,
            other: `${count(i.refused)} of ${counted(i.rows, 'row')} were refused (${percent(i.refused, i.rows)}).`,
          })}
        </p>
      )}
    </Page>
  );
}

export default function ImportRoom() {
  const { id = 'new' } = useParams();
  if (id === 'new')
    return (
      <Page
        title={t`Import a file`}
        text={t`A list of files becomes an inventory: plans and figures without an agent.`}
      >
        <Start />
      </Page>
    );
  return <One key={id} id={id} />;
}
