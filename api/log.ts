import pino, { type Logger } from 'pino'

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

export interface LogSetting {
  /** Default: info, which tells of each request. */
  readonly level?: (typeof logLevels)[number]
  /** Takes one line at a time. Default: standard error. */
  readonly to?: { write(line: string): void }
}

export type Log = Logger

/** A log of JSON lines. Callers never log headers, queries or bodies, which may hold secrets. */
export function openLog({ level = 'info', to }: LogSetting = {}): Log {
  return pino({ name: 'flame-fl', level, base: null }, to ?? pino.destination({ dest: 2, sync: true }))
}
