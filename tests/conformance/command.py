# SPDX-License-Identifier: MIT
"""The `vknorm` command on one Vulkan driver."""
import json
import os
import re
import subprocess

import safetensors_file

MESSAGE = re.compile(r"VUID-|SYNC-HAZARD|UNASSIGNED-")  # of the validation layers


class Command:
    def __init__(self, path, driver, manifest, folder):
        self.path, self.driver, self.folder = path, driver, folder
        os.mkdir(folder)
        self.environment = dict(os.environ)
        if manifest:
            # The older and the newer name.
            self.environment.update(VK_ICD_FILENAMES=manifest, VK_DRIVER_FILES=manifest)
        self.messages = 0

    def call(self, *arguments):
        done = subprocess.run([self.path, *arguments], env=self.environment, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        self.messages += sum(bool(MESSAGE.search(line)) for line in (done.stdout + done.stderr).splitlines())
        return done

    def device(self):
        """The names of the device that it runs on and of its driver."""
        done = self.call("devices", "--json")
        try:
            # The validation layer may print before it.
            found = json.loads(done.stdout[done.stdout.index("{"):])["devices"][0]
        except (ValueError, LookupError) as error:
            raise OSError(f"{self.path} devices: {done.stderr.strip() or error}") from error
        return {"device": found["name"], "driver": found["driver"].strip()}

    def run(self, cases, tensors):
        """The exit code, what was printed to stderr, and the outputs."""
        cases_path, in_path, out_path = (os.path.join(self.folder, name)
                                         for name in ("cases.json", "in.safetensors", "out.safetensors"))
        with open(cases_path, "w", encoding="utf-8") as file:
            json.dump(cases, file)
        safetensors_file.save(in_path, tensors)
        done = self.call("run", cases_path, in_path, out_path)
        if done.returncode != 0:
            return done.returncode, done.stderr, {}
        try:
            return 0, done.stderr, safetensors_file.load(out_path)
        except (AssertionError, LookupError, OSError, ValueError) as error:
            return 1, f"{done.stderr}the output cannot be read: {error}", {}

    def run_all(self, jobs):
        """jobs: name -> (keys, tensors). Returns name -> outputs, or the text of what went wrong with that one."""
        cases = [{"name": name, **keys} for name, (keys, _) in jobs.items()]
        tensors = {f"{name}.{key}": array for name, (_, arrays) in jobs.items() for key, array in arrays.items()}
        code, printed, outputs = self.run(cases, tensors)
        if code != 0 and len(jobs) > 1:
            names = list(jobs)
            halves = names[:len(names) // 2], names[len(names) // 2:]
            return {name: result for half in halves
                    for name, result in self.run_all({name: jobs[name] for name in half}).items()}
        if code != 0:
            return {name: f"exit code {code}: {printed.strip()}" for name in jobs}
        found = {name: {} for name in jobs}
        for name, array in outputs.items():
            found[name.rpartition(".")[0]][name.rpartition(".")[2]] = array
        return found
