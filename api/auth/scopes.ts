import type { Auth } from '../operation.ts'

/** What a token may allow. */
export const scopes = ['user', 'compute', 'agent', 'metrics', 'admin'] as const
export type Scope = (typeof scopes)[number]

/** The scope that each kind of operation needs. `admin` allows all of them, for everybody's things. */
export const scopeFor: Readonly<Record<Auth, Scope>> = {
  user: 'user',
  compute: 'compute',
  'compute-key': 'compute',
  'task-key': 'agent',
  admin: 'admin',
}
