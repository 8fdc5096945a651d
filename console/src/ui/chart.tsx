// The charts of the overview. A file of its own, since Recharts is large: figures are there before it is loaded.
import {
  Area,
  AreaChart,
  Bar,
  BarChart,
  CartesianGrid,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import { bytes, dateText } from '../lib/format';

export interface Point {
  at: number;
  a?: number;
  b?: number;
}
interface Props {
  rows: Point[];
  names: [string, string];
  colors: [string, string];
  kind: 'area' | 'bar';
  short: boolean;
  label: string;
}

const KEYS = ['a', 'b'] as const;
const GREY = 'var(--sub)';

export default function Chart({ rows, names, colors, kind, short, label }: Props) {
  const same = [
    <CartesianGrid key="g" vertical={false} stroke="var(--line)" />,
    <XAxis
      key="x"
      dataKey="at"
      tickFormatter={(t: number) => dateText(t, short ? 'clock' : 'dayShort')}
      minTickGap={40}
      tick={{ fontSize: 12, fill: GREY }}
      axisLine={false}
      tickLine={false}
    />,
    <YAxis
      key="y"
      tickFormatter={(n: number) => bytes(n)}
      width={70}
      tick={{ fontSize: 12, fill: GREY }}
      axisLine={false}
      tickLine={false}
    />,
    <Tooltip
      key="t"
      labelFormatter={(t) => dateText(Number(t), 'minute')}
      formatter={(n) => bytes(Number(n))}
      cursor={{ fill: 'rgba(127,140,150,.12)' }}
      separator=": "
      contentStyle={{ background: '#1f272c', border: 0, borderRadius: 8, color: '#fff' }}
      itemStyle={{ color: '#fff' }}
    />,
  ];
  const margin = { top: 6, right: 6, bottom: 0, left: 0 };
  return (
    <div role="img" aria-label={label}>
      <ResponsiveContainer width="100%" height={230}>
        {kind === 'area' ? (
          <AreaChart data={rows} margin={margin} accessibilityLayer={false}>
            {same}
            {KEYS.map((k, i) => (
              <Area
                key={k}
                name={names[i]}
                dataKey={k}
                stroke={colors[i]}
                fill={colors[i]}
                fillOpacity={0.16}
                strokeWidth={2}
                isAnimationActive={false}
                connectNulls
              />
            ))}
          </AreaChart>
        ) : (
          <BarChart data={rows} margin={margin} barGap={0} accessibilityLayer={false}>
            {same}
            {KEYS.map((k, i) => (
              <Bar
                key={k}
                name={names[i]}
                dataKey={k}
                fill={colors[i]}
                isAnimationActive={false}
                maxBarSize={18}
                radius={[2, 2, 0, 0]}
                stackId="one"
              />
            ))}
          </BarChart>
        )}
      </ResponsiveContainer>
    </div>
  );
}
