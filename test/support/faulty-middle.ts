import { type AnyRole, type RoleContext, stockRoles } from '../../sdk/index.ts'

/** The stock middle aggregator, with code that throws at these ends in a round of the job, and in later ones. */
export function faultyMiddle(throwsFrom: Readonly<Record<string, number>>): AnyRole {
  const name = 'middle-aggregator'
  const sums = new Map<string, number>()
  return {
    name,
    async runOn(runner) {
      await stockRoles[name]?.runOn({
        run: (role) =>
          runner.run({
            ...role,
            round: (state, context) =>
              role.round(
                state,
                new Proxy(context, {
                  get: (given, name) => (name === 'roundSum' ? () => roundSum(given) : Reflect.get(given, name)),
                }),
              ),
          }),
      })
    },
  }

  /** Throws once the group's trainers are at work. */
  function roundSum({ end, roundSum }: RoleContext): ReturnType<RoleContext['roundSum']> {
    const count = (sums.get(end) ?? 0) + 1
    sums.set(end, count)
    if (count >= (throwsFrom[end] ?? Number.POSITIVE_INFINITY)) throw new Error(`${end} is broken`)
    return roundSum()
  }
}
