/**
 * Who may call: a user for their own things, who runs computes, a compute or a task by its key besides, an administrator.
 * Where nobody is asked who they are, the keys alone count.
 */
export type Auth = 'user' | 'compute' | 'compute-key' | 'task-key' | 'admin'

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
