import test from 'ava'
import fc from 'fast-check'
import { TimerQueue } from './timer-queue.ts'

type Step =
  | { readonly type: 'add'; readonly atMs: number }
  | { readonly type: 'cancel'; readonly which: number }
  | { readonly type: 'take' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('add' as const), atMs: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), which: fc.nat() }) },
  { weight: 2, arbitrary: fc.constant({ type: 'take' as const }) },
)

test('timers are taken by time and then by order of adding, cancelled ones never', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const queue = new TimerQueue()
      const fired: number[] = []
      const cancels: (() => void)[] = []
      let model: { readonly atMs: number; readonly id: number }[] = []
      for (const one of steps) {
        switch (one.type) {
          case 'add': {
            const id = cancels.length
            cancels.push(queue.add(one.atMs, () => fired.push(id)))
            model.push({ atMs: one.atMs, id })
            break
          }
          case 'cancel': {
            const which = one.which % (cancels.length + 1)
            cancels[which]?.()
            cancels[which]?.()
            model = model.filter(({ id }) => id !== which)
            break
          }
          case 'take': {
            const [next] = model.toSorted((a, b) => a.atMs - b.atMs || a.id - b.id)
            t.is(queue.nextMs(), next?.atMs)
            const callback = queue.take()
            callback?.()
            t.is(callback && fired.at(-1), next?.id)
            model = model.filter((timer) => timer !== next)
          }
        }
        t.is(queue.size, model.length)
      }
    }),
    { numRuns: 300 },
  )
})
