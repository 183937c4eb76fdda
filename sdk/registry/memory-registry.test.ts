import test from 'ava'
import { memoryRegistry } from './memory-registry.ts'
import { registryContract } from './registry.contract.ts'

registryContract(test, async () => memoryRegistry())
