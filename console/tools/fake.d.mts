export type Mood = 'full' | 'empty' | 'loading' | 'failing' | 'million';
export interface World {
  mood: Mood;
  [list: string]: unknown;
}
export function makeWorld(now?: number, mood?: Mood, as?: 'operator' | 'admin' | 'auditor'): World;
export function answer(
  world: World,
  method: string,
  url: string,
  body?: unknown,
): { status: number; body: unknown };
