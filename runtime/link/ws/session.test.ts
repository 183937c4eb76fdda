import test from 'ava'
import { openWs } from '../../../test/support/web-sockets.ts'
import { sessionContract } from '../session.contract.ts'

const slow = { delayMs: 3, jitterMs: 6, bytesPerSecond: 40_000_000 }
const cutting = { delayMs: 1, cutEveryMs: 150, lateShare: 0.5, lateMs: 20 }
const damaging = { cutEveryMs: 1000, damagedShare: 0.01 }

sessionContract(test, 'ws', openWs())
sessionContract(test, 'ws over a slow network', openWs({ faults: slow }))
sessionContract(test, 'ws over a network that cuts', openWs({ faults: cutting }))
sessionContract(test, 'ws with check sums over a network that damages', openWs({ faults: damaging, isRelayed: true }))
sessionContract(test, 'wss over a network that damages', openWs({ faults: damaging, isSecure: true }))
