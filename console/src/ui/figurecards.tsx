// The cards that a volume's figures and those of a customer show alike: what is local and what is tiered, by age, size, type and owner.
import { t } from '@lingui/core/macro';
import { Card } from 'antd';
import type { Schemas } from '../api/client';
import { LOCAL, TIERED } from './parts';
import { ageName, ageShort, Chart, GroupBars, sizeName, sizeShort } from './planview';

type Has = { bytes: number; files: number; stub_bytes?: number };
const split = (b: Has) => ({ a: b.bytes - (b.stub_bytes ?? 0), b: b.stub_bytes ?? 0, files: b.files });
const both = (): { names: [string, string]; colors: [string, string] } => ({
  names: [t`local`, t`tiered`],
  colors: [LOCAL, TIERED],
});

export function AgeCard({ title, of = [] }: { title: string; of?: (Schemas['AgeBucket'] & Has)[] }) {
  const rows = of.map((b) => ({ name: ageName(b), short: ageShort(b), ...split(b) }));
  return <Chart title={title} {...both()} rows={rows} />;
}

export function SizeCard({ of = [] }: { of?: (Schemas['SizeBucket'] & Has)[] }) {
  const rows = of.map((b) => ({ name: sizeName(b), short: sizeShort(b), ...split(b) }));
  return <Chart title={t`By size of the files`} {...both()} rows={rows} />;
}

type Groups = React.ComponentProps<typeof GroupBars>['groups'];
export function GroupCards({ ext = [], owner = [] }: { ext?: Groups; owner?: Groups }) {
  return (
    <>
      <Card size="small" title={t`By extension`}>
        <GroupBars groups={ext} none={t`without one`} />
      </Card>
      <Card size="small" title={t`By owner`}>
        <GroupBars groups={owner} none={t`unknown`} />
      </Card>
    </>
  );
}
