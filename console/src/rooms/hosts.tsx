import { CloudServerOutlined } from '@ant-design/icons';
import { Alert, Button, Form, Input, Tabs } from 'antd';
import { useState } from 'react';
import { api, type Host, ifMatch, must, type Schemas } from '../api/client';
import { useHosts } from '../api/data';
import { useAddress, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Dialog } from '../ui/dialog';
import { Actions, Command, ConfirmName, Failed, Nothing, Page, Search, State, When } from '../ui/parts';
import { Pick } from '../ui/pick';
import { DataTable } from '../ui/table';

/** Where packaging/systemd/alto-agent.service looks for the identity. */
const STATE = '/var/lib/alto/agent';
const WINDOWS_STATE = 'C:\\ProgramData\\Alto\\agent';

/** Other machines cannot call an address that means "this machine". */
const onlyHere = () => /^(localhost|127\.|\[::1\])/.test(window.location.host);

export function Commands({ token }: { token: Schemas['EnrolToken'] }) {
  const enrol = (state: string) =>
    `alto-agent enrol --server ${window.location.origin} --token ${token.token} --state ${state}`;
  const steps = (enrolText: string, start: string, startText: string) => (
    <>
      <b>1. Enrol it</b>
      <Command label="Copy the enrol command" text={enrolText} />
      <b>2. {start}</b>
      <Command label="Copy the start command" text={startText} />
    </>
  );
  return (
    <>
      <Alert
        type="info"
        showIcon
        title="The token is shown this once"
        description={
          <>
            It enrols one machine, until <When at={token.expires_at} full />.
          </>
        }
        style={{ marginBottom: 12 }}
      />
      {onlyHere() && (
        <Alert
          type="warning"
          showIcon
          title="This address works on this machine only"
          description="For other machines start altod with --listen and a certificate, open the console under that address, and make the token there."
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
              'Start the agent, now and at every boot',
              'systemctl enable --now alto-agent',
            ),
          },
          {
            key: 'hand',
            label: 'Linux without systemd',
            children: steps(enrol(STATE), 'Start the agent', `alto-agent run --state ${STATE}`),
          },
          {
            key: 'windows',
            label: 'Windows',
            children: steps(
              enrol(WINDOWS_STATE),
              'Start the agent',
              `alto-agent run --state ${WINDOWS_STATE}`,
            ),
          },
        ]}
      />
      <span className="sub">
        Run them as root or administrator. The host appears in this list by itself as soon as it calls.
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
      Make a token
    </Button>
  );
  return (
    <Dialog
      open
      title="Enrol a host"
      width={680}
      onCancel={onClose}
      footer={
        token ? (
          <Button type="primary" onClick={onClose}>
            Done
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
          <p>A token enrols one machine, once, within a day.</p>
          {who.operator && (
            <>
              <div style={{ marginBottom: 6 }}>Customer</div>
              <Pick
                noun="customers"
                label="Customer of the host"
                placeholder="Whose machine is it?"
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
      title="Rename host"
      okText="Save"
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
          label="Name"
          rules={[
            { required: true, whitespace: true, max: 128, message: 'A name of at most 128 characters' },
          ]}
          extra="Only what it is called here; the machine keeps its own name."
        >
          <Input autoFocus />
        </Form.Item>
      </Form>
    </Dialog>
  );
}

export default function Hosts() {
  const who = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useHosts(who.customer, text);
  const [enrol, setEnrol] = useState(false);
  const [edit, setEdit] = useState<Host>();
  const [gone, setGone] = useState<Host>();
  const remove = useAct(
    (h: Host) => must(api.DELETE('/hosts/{id}', { params: { path: { id: h.id }, header: ifMatch(h) } })),
    ['hosts'],
    () => setGone(undefined),
    true,
  );
  const add = who.mayWrite && (
    <Button type="primary" onClick={() => setEnrol(true)}>
      Enrol a host
    </Button>
  );
  const empty = text ? (
    <Nothing title="None has this name" text="Try less of it." />
  ) : (
    <Nothing
      icon={<CloudServerOutlined />}
      title="No host yet"
      text="Make a one-time token and paste the command it gives on the machine."
      action={add}
      command="alto host token --customer NAME"
    />
  );
  return (
    <Page
      title="Hosts"
      text="Machines where an agent looks after volumes."
      actions={
        <>
          <Search value={text} onChange={(q) => change({ q })} label="Search hosts" />
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
                { label: 'Rename', act: () => setEdit(h) },
                {
                  label: 'Delete',
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
          { title: 'Name', fixed: true, render: (_, h) => <b>{h.name}</b> },
          { title: 'State', render: (_, h) => <State of={h.state} /> },
          { title: 'Last seen', render: (_, h) => <When at={h.last_seen_at} /> },
          { title: 'System', render: (_, h) => h.os },
          { title: 'Agent', render: (_, h) => <span className="mono">{h.agent_version}</span> },
          { title: 'Enrolled', render: (_, h) => <When at={h.enrolled_at} /> },
        ]}
      />
      {enrol && <Enrol onClose={() => setEnrol(false)} />}
      {edit && <Rename host={edit} onClose={() => setEdit(undefined)} />}
      {gone && (
        <ConfirmName
          open
          name={gone.name}
          what="host"
          text="Its agent is refused from then on. A host that still has volumes cannot be deleted. This cannot be undone."
          busy={remove.isPending}
          error={remove.error}
          onOk={() => remove.mutate(gone)}
          onClose={() => setGone(undefined)}
        />
      )}
    </Page>
  );
}
