import type { LogEntry, Notice, RoundSummary, Settings } from '../../sdk/index.ts'

/** What a run begins with. */
export interface RunStart {
  readonly job: string
  readonly seed: number
  readonly settings: Settings
  /** What does the arithmetic of training, where the learner says it. */
  readonly runsOn?: string
  /** Rounds committed before, when it goes on. */
  readonly resumedAfter?: number
}

/** What a finished run leaves. */
export interface RunResult {
  readonly rounds: number
  /** Of the last round. */
  readonly metrics: Readonly<Record<string, number>>
  readonly hash: string
  /** Folder of the last round's model. */
  readonly model: string
  /** The folder holds the model's architecture, too. */
  readonly hasArchitecture: boolean
}

/** How a run is shown: to a person at a terminal, in a log, or to a program. */
export interface Reporter {
  started(start: RunStart): void
  round(round: RoundSummary): void
  notice(end: string, notice: Notice): void
  /** What a role says, and numbers of a round that it didn't publish. */
  log(end: string, entry: Pick<LogEntry, 'message' | 'fields'>): void
  done(result: RunResult): void
  /** Stopped on request after this many committed rounds; `command` goes on. */
  stopped(rounds: number, command: string): void
  /** Nothing more will be shown. */
  close(): void
}
