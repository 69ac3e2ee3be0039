/* world_worker.c: a node's worker in virtual time: it runs its jobs in the order in which they were
 * posted; each takes as long as the world says (struct world_faults). A crash does not wait for
 * them. */
#include <assert.h>
#include <stdlib.h>

#include "world_internal.h"

#define JOB_NS 1000

struct world_job {
  struct world_job *next;
  struct node_job *job;
  uint64_t ns; /* how long the job takes */
};

/* The first job's time has come: runs it, unless it was run before. */
struct job_end {
  struct world_node *wn;
  unsigned life;
};

static uint64_t job_ns(struct world_node *wn) {
  struct world *w = wn->world;
  if (w->faults.slow_worker == wn->id)
    return w->faults.slow_job_max_ns / 2 + world_random(w) % (w->faults.slow_job_max_ns / 2);
  if (!world_chance(w, w->faults.slow_job_ppm)) return JOB_NS;
  w->fault_count[WORLD_FAULT_SLOW_JOB]++;
  return JOB_NS + world_tail(w, w->faults.slow_job_max_ns);
}

static void run_first(struct world_node *wn) {
  struct world_job *first = wn->jobs;
  struct node_job *job = first->job;
  wn->jobs = first->next;
  if (!wn->jobs) wn->jobs_end = &wn->jobs;
  free(first);
  job->run(job);
}

static void begin_first(struct world_node *wn);

static void on_job_end(struct world *w, void *arg) {
  struct job_end *end = arg;
  struct world_node *wn = end->wn;
  bool gone = wn->life != end->life || !wn->jobs;
  if (!gone && world_hold(w, wn->id, on_job_end, end)) return;
  free(end);
  if (gone) return;
  wn->working = false;
  run_first(wn);
  begin_first(wn);
}

static void begin_first(struct world_node *wn) {
  struct world *w = wn->world;
  if (wn->working || wn->flushing || !wn->jobs) return;
  struct job_end *end = malloc(sizeof *end);
  assert(end);
  *end = (struct job_end){wn, wn->life};
  wn->working = true;
  world_at(w, w->now_ns + wn->jobs->ns, on_job_end, end);
}

void world_post(void *ctx, struct node_job *job) {
  struct world_node *wn = ctx;
  struct world_job *last = malloc(sizeof *last);
  assert(last);
  *last = (struct world_job){.job = job, .ns = job_ns(wn)};
  *wn->jobs_end = last;
  wn->jobs_end = &last->next;
  begin_first(wn);
}

void world_flush_jobs(struct world_node *wn) {
  wn->flushing = true;
  while (wn->jobs) run_first(wn);
  wn->flushing = false;
}
