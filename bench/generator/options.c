#define _GNU_SOURCE
#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: generator --port N [options]\n"
    "  --mode tcp|websocket  protocol of the server (tcp)\n"
    "  --host ADDRESS        IPv4 address of the server (127.0.0.1)\n"
    "  --path PATH           path of the WebSocket upgrade (/echo)\n"
    "  --text                WebSocket text messages instead of binary ones\n"
    "  --deflate OFFER       offer this extension, which must be accepted; messages are compressed\n"
    "  --payloads FILE       payloads made by the harness (payload.h); --deflate needs them\n"
    "  --socketio            speak Socket.IO over its WebSocket transport; implies --text\n"
    "  --connections N       connections of all processes together (64)\n"
    "  --processes N         generating processes, 1 to 16 (1)\n"
    "  --size BYTES          payload of a message, 1 to 16777216 (32)\n"
    "  --inflight N          closed loop: messages in flight per connection, 1 to 1024 (1)\n"
    "  --rate N              open loop: messages a second, at fixed intended times\n"
    "  --broadcast           each message goes to all; a round ends when all have all\n"
    "  --warmup SECONDS      before the measured window (0.5)\n"
    "  --duration SECONDS    the measured window (2)\n"
    "  --messages N          end the window after N messages, at the latest after --duration\n"
    "  --linger SECONDS      go on after the window, unmeasured (0)\n"
    "  --connect-timeout S   go on with what is connected after this time (30)\n"
    "  --idle                connect, print ready, answer pings until the end of standard input\n"
    "  --attack NAME         connect, print ready, do harm until the end of standard input: silent,\n"
    "                        slow-head, big-head, tiny-frames, tiny-fragments, tiny-segments, pings,\n"
    "                        garbage, utf8, bomb (needs --payloads), deaf, vanish\n"
    "  --server-pid PID      process whose CPU time, memory and descriptors are reported\n";

static _Noreturn void refuse(void) {
  fputs(usage, stderr);
  exit(2);
}

static double number(const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    fprintf(stderr, "generator: %s is not a number from %.10g to %.10g\n", text, least, most);
    exit(2);
  }
  return value;
}

/* What is said to the server, and how. Returns whether the option is one of these, and right. */
static bool set_protocol(struct options *options, int option, const char *value) {
  switch (option) {
    case 'm':
      options->websocket = strcmp(value, "websocket") == 0;
      return options->websocket || strcmp(value, "tcp") == 0;
    case 'h':
      return inet_pton(AF_INET, value, &options->host) == 1;
    case 'p':
      options->port = (uint16_t)number(value, 1, 65535);
      return true;
    case 'a':
      options->path = value;
      return value[0] == '/';
    case 't':
      options->text = true;
      return true;
    case 'D':
      options->deflate = value;
      return true;
    case 'P':
      options->payloads = value;
      return true;
    case 'I':
      options->socketio = true;
      options->text = true;
      return true;
    case 'S':
      options->server_pid = (pid_t)number(value, 1, 1 << 30);
      return true;
    default:
      return false;
  }
}

/* How much load it is, and for how long. */
static bool set_load(struct options *options, int option, const char *value) {
  switch (option) {
    case 'c':
      options->connections = (uint32_t)number(value, 1, 250000);
      return true;
    case 'n':
      options->processes = (uint32_t)number(value, 1, MAX_PROCESSES);
      return true;
    case 's':
      options->size = (uint32_t)number(value, 1, MAX_MESSAGE);
      return true;
    case 'w':
      options->inflight = (uint32_t)number(value, 1, MAX_INFLIGHT);
      return true;
    case 'r':
      options->rate = number(value, 1, 1e8);
      return true;
    case 'b':
      options->broadcast = true;
      return true;
    case 'u':
      options->warmup = number(value, 0, 3600);
      return true;
    case 'd':
      options->duration = number(value, 0.01, 3600);
      return true;
    case 'M':
      options->messages = (uint64_t)number(value, 1, 1e12);
      return true;
    case 'l':
      options->linger = number(value, 0, 3600);
      return true;
    case 'o':
      options->connect_timeout = number(value, 0.1, 3600);
      return true;
    case 'i':
      options->idle = true;
      return true;
    case 'A':
      options->attack = value;
      return true;
    default:
      return false;
  }
}

static bool consistent(const struct options *options) {
  bool framed = options->deflate != NULL || options->broadcast || options->socketio;
  if (options->port == 0 || options->processes > options->connections) return false;
  if (framed && !options->websocket) return false;
  if (options->broadcast && options->processes > 1) return false;
  if (options->socketio && options->deflate != NULL) return false;
  /* Idle connections agree on compression and never use it. */
  bool uses = options->deflate != NULL && !options->idle && options->attack == NULL;
  return !uses || options->payloads != NULL;
}

void options_parse(struct options *options, int count, char **arguments) {
  static const struct option names[] = {
      {"mode", required_argument, NULL, 'm'},      {"host", required_argument, NULL, 'h'},
      {"port", required_argument, NULL, 'p'},      {"path", required_argument, NULL, 'a'},
      {"text", no_argument, NULL, 't'},            {"deflate", required_argument, NULL, 'D'},
      {"payloads", required_argument, NULL, 'P'},  {"socketio", no_argument, NULL, 'I'},
      {"connections", required_argument, NULL, 'c'}, {"processes", required_argument, NULL, 'n'},
      {"size", required_argument, NULL, 's'},      {"inflight", required_argument, NULL, 'w'},
      {"rate", required_argument, NULL, 'r'},      {"broadcast", no_argument, NULL, 'b'},
      {"warmup", required_argument, NULL, 'u'},    {"duration", required_argument, NULL, 'd'},
      {"messages", required_argument, NULL, 'M'},  {"linger", required_argument, NULL, 'l'},
      {"connect-timeout", required_argument, NULL, 'o'}, {"idle", no_argument, NULL, 'i'},
      {"attack", required_argument, NULL, 'A'},    {"server-pid", required_argument, NULL, 'S'},
      {NULL, 0, NULL, 0}};
  *options = (struct options){
      .host.s_addr = htonl(INADDR_LOOPBACK),
      .path = "/echo",
      .connections = 64,
      .processes = 1,
      .size = 32,
      .inflight = 1,
      .warmup = 0.5,
      .duration = 2.0,
      .connect_timeout = 30.0,
  };
  int option;
  while ((option = getopt_long(count, arguments, "", names, NULL)) != -1) {
    if (!set_protocol(options, option, optarg) && !set_load(options, option, optarg)) refuse();
  }
  if (optind != count || !consistent(options)) refuse();
}
