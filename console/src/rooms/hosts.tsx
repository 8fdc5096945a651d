import { CloudServerOutlined } from '@ant-design/icons';
import { Alert, Button, Modal, Select } from 'antd';
import { useState } from 'react';
import { api, type Host, ifMatch, must } from '../api/client';
import { useCustomers, useHosts } from '../api/data';
import { useAddress, useWho } from '../lib/session';
import { useAct } from '../ui/act';
import { Command, ConfirmName, DataTable, Nothing, Page, Search, State, When } from '../ui/parts';

function Enrol({ onClose }: { onClose: () => void }) {
  const who = useWho();
  const customers = useCustomers(who.operator);
  const [chosen, setChosen] = useState(who.customer);
  const make = useAct((id: string) => must(api.POST('/customers/{id}/enrol-tokens', { params: { path: { id } }, body: { hours: 24 } })), []);
  const token = make.data;
  return (
    <Modal open title="Enrol a host" width={640} onCancel={onClose} footer={token ? <Button type="primary" onClick={onClose}>Done</Button> : <Button type="primary" disabled={!chosen} loading={make.isPending} onClick={() => make.mutate(chosen!)}>Make a token</Button>}>
      {!token && (
        <>
          <p>A token enrols one machine, once, within a day.</p>
          {who.operator && <label>Customer<Select style={{ width: '100%', marginTop: 6 }} aria-label="Customer" placeholder="Whose machine is it?" value={chosen} onChange={setChosen} options={customers.items.map((c) => ({ value: c.id, label: c.name }))} /></label>}
        </>
      )}
      {token && (
        <>
          <Alert type="info" showIcon title="The token is shown this once" description={<>It is valid until <When at={token.expires_at} full />.</>} style={{ marginBottom: 14 }} />
          <b>1. On the host, as root: enrol it</b>
          <Command label="Copy the enrol command" text={`alto-agent enrol --server ${window.location.origin} --token ${token.token} --state /var/lib/alto-agent`} />
          <b>2. Start the agent</b>
          <Command label="Copy the start command" text="alto-agent run --state /var/lib/alto-agent" />
          <span className="sub">The host appears in this list by itself as soon as it calls.</span>
        </>
      )}
    </Modal>
  );
}

export default function Hosts() {
  const who = useWho();
  const [search, change] = useAddress();
  const text = search.get('q') ?? '';
  const list = useHosts(who.customer, text);
  const [enrol, setEnrol] = useState(false);
  const [gone, setGone] = useState<Host>();
  const remove = useAct((h: Host) => must(api.DELETE('/hosts/{id}', { params: { path: { id: h.id }, header: ifMatch(h) } })), ['hosts'], () => setGone(undefined), true);
  const add = who.mayWrite && <Button type="primary" onClick={() => setEnrol(true)}>Enrol a host</Button>;
  return (
    <Page title="Hosts" text="Machines where an agent looks after volumes." actions={<><Search value={text} onChange={(q) => change({ q })} label="Search hosts" />{add}</>}>
      <DataTable list={list} what="hosts" rowKey="id" empty={text ? <Nothing title="None has this name" text="Try less of it." /> : <Nothing icon={<CloudServerOutlined />} title="No host yet" text="Make a one-time token and paste the command it gives on the machine." action={add} command="alto host token --customer NAME" />}
        columns={[
          { title: 'Name', fixed: true, render: (_, h) => <b>{h.name}</b> },
          { title: 'State', render: (_, h) => <State of={h.state} /> },
          { title: 'Last seen', render: (_, h) => <When at={h.last_seen_at} /> },
          { title: 'System', render: (_, h) => h.os },
          { title: 'Agent', render: (_, h) => <span className="mono">{h.agent_version}</span> },
          { title: 'Enrolled', render: (_, h) => <When at={h.enrolled_at} /> },
          { title: '', align: 'right', render: (_, h) => who.mayWrite && <Button size="small" danger onClick={() => { remove.reset(); setGone(h); }}>Delete</Button> },
        ]} />
      {enrol && <Enrol onClose={() => setEnrol(false)} />}
      {gone && <ConfirmName open name={gone.name} what="host" text="Its agent is refused from then on. A host that still has volumes cannot be deleted. This cannot be undone." busy={remove.isPending} error={remove.error} onOk={() => remove.mutate(gone)} onClose={() => setGone(undefined)} />}
    </Page>
  );
}
