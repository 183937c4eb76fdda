import test from 'ava'
import { fuzzFrames } from './fuzz-frames.ts'

test('frames like valid ones, in each state of greeting and session, close a route with a code at most', async (t) => {
  const { cases, ends, fault } = await fuzzFrames({ cases: 1500, seed: 1 })
  t.is(fault, undefined)
  t.is(cases, 1500)
  // Frames that all end in the same way would test little.
  t.true(['open', 'closed', 'LINK_HANDSHAKE', 'LINK_DAMAGED', 'LINK_FRAME', 'LINK_VALUE'].every((end) => end in ends))
  t.log(ends)
})
