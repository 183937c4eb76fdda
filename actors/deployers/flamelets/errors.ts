import { type ErrorEntry, errorFactory } from '../../../runtime/index.ts'

const agentErrors = {
  AGENT_NOT_PLACED: {
    message: 'compute {compute} could not deploy the agent of {end}',
    hint: "see the log of the compute's deployer, then start the job again",
  },
  AGENT_PLACE_OVERDUE: {
    message: 'compute {compute} said nothing of the agent of {end} within {seconds} s',
    hint: "see whether the compute's deployer runs and reaches this server, then start the job again",
  },
  AGENT_COMPUTE_GONE: {
    message: '{end} is to run on compute {compute}, which is not registered any more',
    hint: 'register the compute again, or update the job with datasets elsewhere',
  },
  AGENT_COMPUTE_FOREIGN: {
    message:
      '{end} is to run on compute {compute}, which is run by somebody whom neither the owner nor this server trusts',
    hint: 'have the compute registered by an administrator of the server, or update the job with datasets elsewhere',
  },
  AGENTS_AWAITED: {
    message: 'the job waits for the agents of {ends}: no compute "{computes}" is registered that would start them',
    hint: 'start an agent for each task with its key, or register a compute "{computes}"; flamectl up --in-process runs jobs without agents',
  },
  COMPUTES_AWAITED: {
    message: 'the job waits for the agents of {ends}, which are to be started on compute {computes}',
    hint: "see whether the compute's deployer runs and reaches this server",
  },
  AGENTS_NONE_PLACED: {
    message: 'no agent of the job could be deployed; the last: {reason}',
    hint: "see the logs of the computes' deployers, then start the job again",
  },
} as const satisfies Record<string, ErrorEntry>

export const agentError = errorFactory(agentErrors)
