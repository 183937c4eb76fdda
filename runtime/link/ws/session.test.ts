import test from 'ava'
import { openWs } from '../../../test/support/web-sockets.ts'
import { sessionContract } from '../session.contract.ts'

sessionContract(test, 'ws', openWs())
sessionContract(test, 'ws over a slow network', openWs({ delayMs: 3, jitterMs: 6, bytesPerSecond: 40_000_000 }))
sessionContract(
  test,
  'ws over a network that cuts',
  openWs({ delayMs: 1, cutEveryMs: 150, lateShare: 0.5, lateMs: 20 }),
)
