import { errorFactory } from '../../runtime/index.ts'

const strategyErrors = {
  STRATEGY_SETTING: {
    message: '{name} is {came}: expected {expected}',
    hint: "correct {name} where the workload makes its strategy, or in the job's settings",
  },
} as const

export const strategyError = errorFactory(strategyErrors)

/** Throws STRATEGY_SETTING unless the setting is a number, or a whole one, from `least` (or above it) to `most`. */
export function checkSetting(
  name: string,
  value: number,
  { above, least, most, whole = false }: { above?: number; least?: number; most?: number; whole?: boolean },
): void {
  const fits =
    typeof value === 'number' &&
    (!whole || Number.isInteger(value)) &&
    (above === undefined || value > above) &&
    (least === undefined || value >= least) &&
    (most === undefined || value <= most)
  if (fits && !Number.isNaN(value)) return
  const bounds = [
    above === undefined ? '' : `above ${above}`,
    least === undefined ? '' : `at least ${least}`,
    most === undefined ? '' : `at most ${most}`,
  ]
  throw strategyError('STRATEGY_SETTING', {
    name,
    came: value,
    expected: `a ${whole ? 'whole ' : ''}number ${bounds.filter(Boolean).join(' and ')}`,
  })
}
