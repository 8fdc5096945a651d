// Which way files of a volume go to its share, and why; and whether a rule's action is one of them. Told before the rule is saved.
import { t } from '@lingui/core/macro';
import { Trans } from '@lingui/react/macro';
import { Alert, Button } from 'antd';
import type { Schemas } from '../api/client';

type Kind = Schemas['VolumeWay']['kind'];
type Action = Schemas['RuleNew']['action'];

const WAYS = (): Record<Kind, { title: string; text: string }> => ({
  stub: {
    title: t`Files of this volume become stubs`,
    text: t`They open as ever, and come back when they are read.`,
  },
  archive: {
    title: t`Files of this volume are archived with a placeholder`,
    text: t`A file moves to the share, and a small readable placeholder of its name with .alto behind it stays. It comes back by Recall in the console or by “alto file recall”, not by being opened.`,
  },
  report: {
    title: t`Files of this volume are reported, none is moved`,
    text: t`Rules and plans tell what they would do.`,
  },
});

const moves = (action: Action) => action === 'tier' || action === 'archive';

/** Whether the server refuses this action on such a volume. */
export const refused = (of: Schemas['VolumeWay'], action: Action): boolean =>
  of.kind === 'archive' && action === 'tier';

export function Way({
  of,
  action,
  onChoose,
}: {
  of: Schemas['VolumeWay'];
  action: Action;
  onChoose?: (action: Action) => void;
}) {
  if (!moves(action)) return null;
  const wrong = refused(of, action);
  const says = WAYS()[of.kind];
  // Asked for by itself, a placeholder is left on volumes too that could hold stubs.
  const other = of.kind === 'stub' && action === 'archive';
  return (
    <Alert
      type={wrong ? 'error' : of.kind === 'report' ? 'warning' : 'info'}
      showIcon
      role={wrong ? 'alert' : 'note'}
      title={
        wrong
          ? t`Files of this volume cannot become stubs`
          : other
            ? t`This volume could hold stubs; files are archived all the same`
            : says.title
      }
      description={
        <>
          {of.reasons.length > 0 && <div>{of.reasons.join(' ')}</div>}
          {other
            ? WAYS().archive.text
            : wrong
              ? t`They can be archived: a readable placeholder takes their place.`
              : says.text}
        </>
      }
      action={
        wrong &&
        onChoose && (
          <Button size="small" type="primary" onClick={() => onChoose('archive')}>
            <Trans>Archive instead</Trans>
          </Button>
        )
      }
    />
  );
}
