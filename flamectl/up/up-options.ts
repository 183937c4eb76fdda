import { flamectlError } from '../errors.ts'

/** The options as commander hands them over. */
export interface RawUpOptions {
  readonly host: string
  readonly port: string
  readonly store: string
  readonly auth?: boolean
  readonly inProcess?: boolean
  readonly keyFile: string
  readonly maxCode: string
  readonly cors?: readonly string[]
  readonly maxBody: string
  readonly maxTasks: string
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** OPTION_VALUE unless it's a whole number in this range. */
export function wholeNumberOf(option: string, given: string, from: number, to: number): number {
  const number = Number(given)
  if (/^\d+$/.test(given) && number >= from && number <= to) return number
  throw flamectlError('OPTION_VALUE', {
    option,
    expected: `a whole number from ${from} to ${to}`,
    given: JSON.stringify(given),
  })
}
