import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { CloudServerOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Form, Input, Popover, Skeleton, Tabs } from 'antd';
import { useState } from 'react';
import { api, type Host, ifMatch, must, type Schemas } from '../api/client';
import { useHosts } from '../api/data';
import { count } from '../lib/format';
import { useAddress, useEdited, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Actions, Command, ConfirmName, Failed, Nothing, Page, Search, State, When } from '../ui/parts';
import { Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

/** Where packaging/systemd/alto-agent.service looks for the identity. */
const STATE = '/var/lib/alto/agent';
const PACKAGE = '/downloads/alto.msi';

/** Other machines cannot call an address that means "this machine". */
const onlyHere = () => /^(localhost|127\.|\[::1\])/.test(window.location.host);

/** A PowerShell word between single quotes. */
const quoted = (text: string) => `'${text.replace(/'/g, "''")}'`;

/** Fetches the package, installs it without a question and leaves the token nowhere. Start-Process gives msiexec's own exit code. */
/* eslint-disable lingui/no-unlocalized-strings */
export const windowsLine = (origin: string, token: string) =>
  `$m="$env:TEMP\\alto.msi"; $t="$env:TEMP\\alto.token"; iwr ${quoted(origin + PACKAGE)} -UseBasicParsing -OutFile $m; ` +
  `Set-Content $t ${quoted(token)}; ` +
  `$p=Start-Process msiexec -Wait -PassThru "/i \`"$m\`" /qn SERVER=${origin} TOKENFILE=\`"$t\`""; Remove-Item $t; ` +
  'if ($p.ExitCode) { throw "msiexec ended with $($p.ExitCode): see the event log, source alto-agent" }';
/* eslint-enable lingui/no-unlocalized-strings */

/** Whether this altod has the package to give. */
function usePackage() {
  return useQuery({
    queryKey: ['package'],
    queryFn: async () =>
      ((await (await fetch('/downloads.json')).json()) as { windows: string | null }).windows === PACKAGE,
    staleTime: 60_000,
    retry: false,
  });
}

function Windows({ token }: { token: string }) {
  const has = usePackage();
  if (has.isPending) return <Skeleton active />;
  if (!has.data)
    return (
      <Alert
        type="warning"
        showIcon
        title={t`This server has no package for Windows`}
        description={
          <>
            <Trans>
              Build it with <code>tools/msi.sh</code>, offer it with{' '}
              <code>tools/msi.sh offer CONSOLE_FOLDER</code> and restart altod. With the package already on
              the machine:
            </Trans>
            <Command
              label={t`Copy the install command`}
              text={`msiexec /i alto.msi /qn SERVER=${window.location.origin} TOKEN=${token}`}
            />
          </>
        }
      />
    );
  return (
    <>
      <b>
        <Trans>Paste this into PowerShell, as administrator</Trans>
      </b>
      <Command label={t`Copy the PowerShell line`} text={windowsLine(window.location.origin, token)} />
      <span className="sub">
        <Trans>
          It fetches <a href={PACKAGE}>the package</a>, installs agent and service, and enrols the machine.
          For stubs the filter driver and its licence key come afterwards: the host&apos;s row says what is
          missing.
        </Trans>
      </span>
    </>
  );
}

export function Commands({ token }: { token: Schemas['EnrolToken'] }) {
  const enrol = (state: string) =>
    `alto-agent enrol --server ${window.location.origin} --token ${token.token} --state ${state}`;
  const steps = (enrolText: string, start: string, startText: string) => (
    <>
      <b>
        <Trans>1. Enrol it</Trans>
      </b>
      <Command label={t`Copy the enrol command`} text={enrolText} />
      <b>2. {start}</b>
      <Command label={t`Copy the start command`} text={startText} />
    </>
  );
  return (
    <>
      <Alert
        type="info"
        showIcon
        title={t`The token is shown this once`}
        description={
          <>
            <Trans>
              It enrols one machine, until <When at={token.expires_at} full />.
            </Trans>
          </>
        }
        style={{ marginBottom: 12 }}
      />
      {onlyHere() && (
        <Alert
          type="warning"
          showIcon
          title={t`This address works on this machine only`}
          description={t`For other machines start altod with --listen and a certificate, open the console under that address, and make the token there.`}
          style={{ marginBottom: 12 }}
        />
      )}
      <Tabs
        size="small"
        items={[
          {
            key: 'systemd',
            label: 'Linux',
            children: steps(
              enrol(STATE),
              t`Start the agent, now and at every boot`,
              'systemctl enable --now alto-agent',
            ),
          },
          {
            key: 'hand',
            label: t`Linux without systemd`,
            children: steps(enrol(STATE), t`Start the agent`, `alto-agent run --state ${STATE}`),
          },
          {
            key: 'windows',
            label: 'Windows',
            children: <Windows token={token.token} />,
          },
        ]}
      />
      <span className="sub">
        <Trans>
          Run them as root or administrator. The host appears in this list by itself as soon as it calls.
        </Trans>
      </span>
    </>
  );
}

function Enrol({ onClose }: { onClose: () => void }) {
  const who = useWho();
  const [chosen, setChosen] = useState(who.customer);
  const make = useAct(
    (id: string) =>
      must(api.POST('/customers/{id}/enrol-tokens', { params: { path: { id } }, body: { hours: 24 } })),
    [],
    undefined,
    true,
  );
  const token = make.data;
  const button = (
    <Button type="primary" disabled={!chosen} loading={make.isPending} onClick={() => make.mutate(chosen!)}>
      <Trans>Make a token</Trans>
    </Button>
  );
  return (
    <Dialog
      open
      title={t`Enrol a host`}
      width={680}
      onCancel={onClose}
      footer={
        token ? (
          <Button type="primary" onClick={onClose}>
            <Trans>Done</Trans>
          </Button>
        ) : (
          button
        )
      }
      mask={{ closable: !token }}
    >
      {make.error && <Failed error={make.error} />}
      {!token && (
        <>
          <p>
            <Trans>A token enrols one machine, once, within a day.</Trans>
          </p>
          {who.operator && (
            <>
              <div style={{ marginBottom: 6 }}>
                <Trans>Customer</Trans>
              </div>
              <Pick
                noun="customers"
                label={t`Customer of the host`}
                placeholder={t`Whose machine is it?`}
                style={{ width: '100%' }}
                value={chosen}
                onChange={setChosen}
              />
            </>
          )}
        </>
      )}
      {token && <Commands token={token} />}
    </Dialog>
  );
}

function Rename({ host, onClose }: { host: Host; onClose: () => void }) {
  const [form] = Form.useForm<{ name: string }>();
  const save = useAct(
    ({ name }: { name: string }) =>
      must(
        api.PATCH('/hosts/{id}', {
          params: { path: { id: host.id }, header: ifMatch(host) },
          body: { name },
        }),
      ),
    ['hosts'],
    onClose,
    true,
  );
  return (
    <Dialog
      open
      title={t`Rename host`}
      okText={t`Save`}
      confirmLoading={save.isPending}
      onOk={() => form.submit()}
      onCancel={onClose}
    >
      {save.error && <Failed error={save.error} />}
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        initialValues={{ name: host.name }}
        onFinish={(v) => save.mutate(v)}
      >
        <Form.Item
          name="name"
          label={t`Name`}
          rules={[
            { required: true, whitespace: true, max: 128, message: t`A name of at most 128 characters` },
          ]}
          extra={t`Only what it is called here; the machine keeps its own name.`}
        >
          <Input autoFocus />
        </Form.Item>
      </Form>
    </Dialog>
  );
}

const DRIVER = (): Record<NonNullable<Host['driver']>['state'], [kind: string, word: string]> => ({
  ok: ['good', t`connected`],
  unknown: ['', t`not looked for yet`],
  no_dll: ['warn', t`not installed`],
  other_dll: ['bad', t`another product`],
  no_key: ['warn', t`no licence key`],
  not_running: ['bad', t`does not run`],
  refused: ['bad', t`refused`],
  no_folder: ['bad', t`no room for recalls`],
  lost: ['bad', t`connection lost`],
  failed: ['bad', t`failed`],
});

/** How it stands with stubs on a Windows host: what is missing comes first, with what to do. */
function Driver({ of: { driver: d, os } }: { of: Host }) {
  if (!d)
    return os === 'windows' ? (
      <span className="sub">
        <Trans>not told yet</Trans>
      </span>
    ) : (
      <span className="sub">–</span>
    );
  const [kind, word] = DRIVER()[d.state];
  const licence = d.has_key ? t`licence key is there` : t`no licence key`;
  return (
    <Popover
      trigger="click"
      content={
        <div style={{ maxWidth: 420 }}>
          {d.text && <p style={{ marginTop: 0 }}>{d.text}</p>}
          {d.next && (
            <p>
              <b>
                <Trans>Next:</Trans>
              </b>{' '}
              {d.next}
            </p>
          )}
          <p className="sub" style={{ marginBottom: 0 }}>
            {[
              d.product && `${d.product} ${d.version}`,
              d.flavour,
              licence,
              d.policy === 'keep' ? t`stubs stay when they are read` : t`files come back when they are read`,
              d.denied > 0 && t`${count(d.denied)} denied`,
              d.odd > 0 && t`${count(d.odd)} messages not understood`,
            ]
              .filter(Boolean)
              .join(' · ')}
            {d.told_at && (
              <>
                {' · '}
                <When at={d.told_at} />
              </>
            )}
          </p>
        </div>
      }
    >
      <Button type="text" size="small" style={{ padding: 0 }} aria-label={t`Filter driver: ${word}`}>
        <span className={`tag ${kind}`}>{word}</span>
      </Button>
    </Popover>
  );
}

export default function Hosts() {
  const who = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useHosts(who.customer, text);
  const [edit, setEdit] = useEdited<Host>(list.items, who.mayWrite);
  const [gone, setGone] = useState<Host>();
  const remove = useAct(
    (h: Host) => must(api.DELETE('/hosts/{id}', { params: { path: { id: h.id }, header: ifMatch(h) } })),
    ['hosts'],
    () => setGone(undefined),
    true,
  );
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => setEdit('new')}>
      <Trans>Enrol a host</Trans>
    </Button>
  );
  const empty = text ? (
    <Nothing title={t`None has this name`} text={t`Try less of it.`} />
  ) : (
    <Nothing
      icon={<CloudServerOutlined />}
      title={t`No host yet`}
      text={t`Make a one-time token and paste the command it gives on the machine.`}
      action={add}
      command="alto host token --customer NAME"
    />
  );
  return (
    <Page
      title={t`Hosts`}
      text={t`Machines where an agent looks after volumes.`}
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label={t`Search hosts`} />
          {add}
        </>
      }
    >
      <DataTable
        list={list}
        what="hosts"
        rowKey="id"
        acts={(h) =>
          who.mayWrite && (
            <Actions
              of={h.name}
              items={[
                { label: t`Rename`, act: () => setEdit(h) },
                {
                  label: t`Delete`,
                  danger: true,
                  act: () => {
                    remove.reset();
                    setGone(h);
                  },
                },
              ]}
            />
          )
        }
        empty={empty}
        columns={[
          { title: t`Name`, fixed: true, render: (_, h) => <b>{h.name}</b> },
          { title: t`State`, render: (_, h) => <State of={h.state} /> },
          { title: t`Last seen`, render: (_, h) => <When at={h.last_seen_at} /> },
          { title: t`System`, render: (_, h) => h.os },
          { title: t`Agent`, render: (_, h) => <span className="mono">{h.agent_version}</span> },
          { title: t`Filter driver`, render: (_, h) => <Driver of={h} /> },
          { title: t`Enrolled`, render: (_, h) => <When at={h.enrolled_at} /> },
        ]}
      />
      {edit === 'new' && <Enrol onClose={() => setEdit(undefined)} />}
      {edit && edit !== 'new' && <Rename host={edit} onClose={() => setEdit(undefined)} />}
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="host"
          text={t`Its agent is refused from then on. A host that still has volumes cannot be deleted. This cannot be undone.`}
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
