// Bars of a histogram, or of groups, and curves of growth. A file of its own, since Recharts is large.
import { t } from '@lingui/core/macro';
import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  ResponsiveContainer,
  Tooltip,
  Treemap,
  XAxis,
  YAxis,
} from 'recharts';
import { counted } from '../lib/counted';
import { bytes, count, dateText } from '../lib/format';

const GREY = 'var(--sub)';
const TIP = { background: '#1f272c', border: 0, borderRadius: 8, color: '#fff' };
const axis = { tick: { fontSize: 12, fill: GREY }, axisLine: false, tickLine: false } as const;

export interface Column {
  name: string;
  /** Under its column. */
  short: string;
  /** What lies here, and what lies on the share. */
  a: number;
  b?: number;
  files: number;
}

interface EdgeProps {
  x?: number;
  y?: number;
  payload?: { value: string; offset?: number };
}
/** A mark below the left edge of its column: what stands in the column reaches from there to the next mark. */
function Edge({ x = 0, y = 0, payload }: EdgeProps) {
  const at = x - (payload?.offset ?? 0);
  return (
    <g>
      <line x1={at} x2={at} y1={y - 8} y2={y - 3} stroke={GREY} strokeOpacity={0.6} />
      <text x={at} y={y + 9} fontSize={12} fill={GREY} textAnchor="middle">
        {payload?.value}
      </text>
    </g>
  );
}

export default function Histogram({
  rows,
  label,
  names,
  colors,
  unit,
}: {
  rows: Column[];
  label: string;
  names: [string, string?];
  colors: [string, string?];
  unit: 'bytes' | 'files';
}) {
  const say = unit === 'bytes' ? (n: number) => bytes(n) : (n: number) => count(n);
  return (
    <div
      role="img"
      aria-label={`${label}: ${rows.map((r) => `${r.name} ${say(r.a + (r.b ?? 0))}`).join(', ')}`}
    >
      <ResponsiveContainer width="100%" height={220}>
        <BarChart data={rows} margin={{ top: 6, right: 6, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="short"
            {...axis}
            tick={<Edge />}
            interval="equidistantPreserveStart"
            minTickGap={6}
          />
          <YAxis tickFormatter={say} width={70} {...axis} />
          <Tooltip
            labelFormatter={(_, rows) => {
              const c = rows?.[0]?.payload as Column | undefined;
              return c && `${c.name} · ${counted(c.files, 'file')}`;
            }}
            formatter={(n) => say(Number(n))}
            cursor={{ fill: 'rgba(127,140,150,.12)' }}
            separator=": "
            contentStyle={TIP}
            itemStyle={{ color: '#fff' }}
          />
          <Bar
            dataKey="a"
            name={names[0]}
            fill={colors[0]}
            stackId="one"
            isAnimationActive={false}
            maxBarSize={44}
          />
          {names[1] && (
            <Bar
              dataKey="b"
              name={names[1]}
              fill={colors[1]}
              stackId="one"
              isAnimationActive={false}
              maxBarSize={44}
            />
          )}
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}

export interface GrowthPoint {
  at: number;
  local: number;
  tiered: number;
  files: number;
}

export function Growth({
  rows,
  colors,
  label,
}: {
  rows: GrowthPoint[];
  colors: [string, string];
  label: string;
}) {
  return (
    <div role="img" aria-label={label}>
      <ResponsiveContainer width="100%" height={300}>
        <AreaChart data={rows} margin={{ top: 6, right: 6, bottom: 0, left: 0 }} accessibilityLayer={false}>
          <CartesianGrid vertical={false} stroke="var(--line)" />
          <XAxis
            dataKey="at"
            type="number"
            domain={['dataMin', 'dataMax']}
            tickFormatter={(t: number) => dateText(t, 'dayShort', 'UTC')}
            minTickGap={40}
            {...axis}
          />
          <YAxis tickFormatter={(n: number) => bytes(n)} width={70} {...axis} />
          <Tooltip
            labelFormatter={(t) => dateText(Number(t), 'day', 'UTC')}
            formatter={(n) => bytes(Number(n))}
            separator=": "
            contentStyle={TIP}
            itemStyle={{ color: '#fff' }}
          />
          {(
            [
              ['local', t`local`, colors[0]],
              ['tiered', t`tiered`, colors[1]],
            ] as const
          ).map(([key, name, color]) => (
            <Area
              key={key}
              name={name}
              dataKey={key}
              stackId="one"
              stroke={color}
              fill={color}
              fillOpacity={0.25}
              strokeWidth={2}
              isAnimationActive={false}
            />
          ))}
        </AreaChart>
      </ResponsiveContainer>
    </div>
  );
}

export interface Tile {
  name: string;
  path: string;
  value: number;
  [more: string]: unknown;
}

interface TileProps {
  x?: number;
  y?: number;
  width?: number;
  height?: number;
  name?: string;
  value?: number;
  index?: number;
}
const SHADES = ['#2b6ca3', '#2f7ab8', '#256a86', '#1f7f8f', '#2d8a76', '#3a7d5a', '#4a6fa5', '#5b6aa0'];

function Cell({ x = 0, y = 0, width = 0, height = 0, name = '', value = 0, index = 0 }: TileProps) {
  const room = Math.floor((width - 12) / 7);
  return (
    <g>
      <rect
        x={x}
        y={y}
        width={width}
        height={height}
        rx={3}
        fill={SHADES[index % SHADES.length]}
        stroke="var(--ground)"
        strokeWidth={2}
      />
      {width > 56 && height > 22 && (
        <text x={x + 7} y={y + 17} fill="#fff" fontSize={12} fontWeight={600}>
          {name.length > room ? `${name.slice(0, Math.max(1, room - 1))}…` : name}
        </text>
      )}
      {width > 56 && height > 40 && (
        <text x={x + 7} y={y + 33} fill="#fff" fontSize={11}>
          {bytes(value)}
        </text>
      )}
    </g>
  );
}

export function Map({
  rows,
  onOpen,
  label,
}: {
  rows: Tile[];
  onOpen: (path: string) => void;
  label: string;
}) {
  return (
    <div role="img" aria-label={label} className="treemap">
      <ResponsiveContainer width="100%" height={260}>
        <Treemap
          data={rows}
          dataKey="value"
          nameKey="name"
          isAnimationActive={false}
          content={<Cell />}
          onClick={(node) => {
            const path = (node as unknown as Tile).path;
            if (path) onOpen(path);
          }}
        >
          <Tooltip formatter={(n) => bytes(Number(n))} contentStyle={TIP} itemStyle={{ color: '#fff' }} />
        </Treemap>
      </ResponsiveContainer>
    </div>
  );
}
