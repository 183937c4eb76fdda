import test from 'ava'
import { OutsideWork } from './outside-work.ts'

test('work that has ended is told at once when its actor ends, as is work that ends later', async (t) => {
  const told: string[] = []
  const counts: number[] = []
  const pick = (count: number) => {
    counts.push(count)
    return 0
  }
  const outside = new OutsideWork({ pick }, () => {})
  const actor = new AbortController()
  let end = () => {}
  const later = new Promise<void>((resolve) => {
    end = resolve
  })
  for (const [name, work] of [
    ['ended', Promise.resolve()],
    ['under way', later],
  ] as const)
    void outside.hold(work, actor.signal).then(() => told.push(name))
  for (const name of ['other', 'another'])
    void outside.hold(Promise.resolve(), new AbortController().signal).then(() => told.push(name))
  await settled()
  t.deepEqual(told, [])
  actor.abort()
  await settled()
  t.deepEqual(told, ['ended'])
  end()
  await settled()
  t.deepEqual(told, ['ended', 'under way'])
  while (outside.isPending) outside.tellNext()
  await settled()
  t.deepEqual(told.slice(2), ['other', 'another'])
  t.deepEqual(counts, [2], 'the scheduler picks among the work of actors that live')
})

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
