import test from 'ava'
import { forSeeds } from '../../sdk/testing/index.ts'
import { checkSchedule, compared } from './schedules.ts'

test(`200 seeds: ${compared.join(', ')} have the same models, in any order of messages and with a fault`, async (t) => {
  await forSeeds(200, checkSchedule)
  t.pass()
})
