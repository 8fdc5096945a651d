// The first row of a grid of days by hours.
export const HOURS = Array.from({ length: 24 }, (_, h) => h);
export const pad = (h: number) => String(h).padStart(2, '0');

export const HourHead = ({ className }: { className?: string }) => (
  <div role="row" className={className}>
    <span role="columnheader">
      <span className="sr">
        <Trans>Day</Trans>
      </span>
    </span>
    {HOURS.map((h) => (
      <span key={h} role="columnheader" aria-label={`${pad(h)}:00`}>
        {h % 6 === 0 ? pad(h) : ''}
      </span>
    ))}
  </div>
);
import { Trans } from '@lingui/react/macro';
