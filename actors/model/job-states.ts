export const jobStates = [
  'ready',
  'starting',
  'deploying',
  'running',
  'applying',
  'stopping',
  'completed',
  'failed',
  'terminated',
] as const
export type JobStateName = (typeof jobStates)[number]

/** What a person may ask of a job. */
export const askedStates = ['starting', 'stopping', 'applying'] as const
export type AskedState = (typeof askedStates)[number]

/** Who may move a job: a person by a request, the controller by what it sees. */
export type Mover = 'person' | 'controller'

type Moves = Readonly<Record<JobStateName, Readonly<Record<Mover, readonly JobStateName[]>>>>

/** From each state, where who may move a job. */
const moves: Moves = {
  ready: { person: ['starting'], controller: [] },
  starting: { person: ['stopping'], controller: ['deploying', 'failed', 'terminated'] },
  deploying: { person: ['stopping'], controller: ['running', 'failed', 'terminated'] },
  running: { person: ['stopping', 'applying'], controller: ['completed', 'failed', 'terminated'] },
  applying: { person: [], controller: ['running', 'completed', 'failed', 'terminated'] },
  stopping: { person: [], controller: ['terminated'] },
  completed: { person: ['starting'], controller: [] },
  failed: { person: ['starting'], controller: [] },
  terminated: { person: ['starting'], controller: [] },
}

/** States in which nothing of a job runs and nothing will by itself. */
export const endedNames: readonly JobStateName[] = ['completed', 'failed', 'terminated']

/** States in which a job may be changed and deleted. */
export const editableStates: readonly JobStateName[] = ['ready', ...endedNames]

/** Whether a job has been started and hasn't ended. */
export function isUnderWay(state: JobStateName): boolean {
  return !editableStates.includes(state)
}

/** What a job is when it enters a state: the times that tell of it. Undefined if this mover may not. */
export function moveJob(
  from: { readonly state: JobStateName },
  by: Mover,
  to: JobStateName,
): { readonly state: JobStateName; readonly stamps: readonly ('startedAt' | 'endedAt')[] } | undefined {
  if (!moves[from.state][by].includes(to)) return undefined
  const ended = endedNames.includes(to)
  return { state: to, stamps: to === 'starting' ? ['startedAt'] : ended ? ['endedAt'] : [] }
}

/** The states in which a mover may ask for this one. */
export function statesBefore(by: Mover, to: JobStateName): JobStateName[] {
  return states.filter((state) => moves[state][by].includes(to))
}

const states = Object.keys(moves).filter((name): name is JobStateName => name in moves)
