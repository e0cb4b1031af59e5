"""Stepping many MuJoCo worlds in native threads.

A worker owns one ``MjModel`` and one ``MjData`` and takes world after world: it loads the world's parameters and state
into them, calls MuJoCo's C function ``mj_step`` as often as told, and stores the result. The loop is a Warp kernel,
which Warp compiles for the CPU, so that Python is entered once a worker and not once a world, and the GIL is free
meanwhile. One model and data a *worker* rather than a *world* keeps memory small, the caches warm and terrains shared.
"""

# Kernels are Warp's language in Python's clothes, which mypy does not speak.
# mypy: ignore-errors

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import NamedTuple

import mujoco
import warp as wp

from gaitway.errors import BrokenError

# ---------------------------------------------------------------------------------------------------------------------
# MuJoCo from native code
# ---------------------------------------------------------------------------------------------------------------------


class DataLayout(NamedTuple):
    """Where MuJoCo keeps the contacts of an ``MjData``. Unit: bytes."""

    ncon: int
    """From the start of ``mjData`` to the number of contacts."""
    contact: int
    """From the start of ``mjData`` to the pointer to the contacts."""
    size: int
    """Size of an ``mjContact``."""
    dist: int
    """From the start of an ``mjContact`` to this field, as below."""
    pos: int
    frame: int
    geom: int


@functools.cache
def data_layout() -> DataLayout:
    """Find the contacts in MuJoCo's ``mjData``, which its Python bindings show but give no address of.

    ``ncon`` follows the timers in ``mujoco/mjdata.h``; the pointer is found by its value. Both are checked on two
    states.

    Raises:
        BrokenError: This version of MuJoCo lays its data out in another way.
    """
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><geom type='plane' size='1 1 1'/>"
        "<body pos='0 0 .09'><freejoint/><geom size='.1'/></body>"
        "<body pos='.5 0 .09'><freejoint/><geom size='.1' condim='1'/></body>"
        "<body pos='0 .5 .09'><freejoint/><geom size='.1'/></body></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    number = data.timer.number
    last = number.ctypes.data + number.strides[0] * (len(number) - 1)
    ncon = last + 8 - data._address  # a timer is a double and an int, padded to 16 bytes
    contact = data.contact
    base = contact.dist.ctypes.data
    after = (ctypes.c_uint64 * 192).from_address(data._address + ncon)
    slots = [ncon + 8 * i for i, value in enumerate(after) if value == base]
    layout = DataLayout(
        ncon=ncon,
        contact=slots[-1] if slots else 0,  # the arena, at whose start contacts lie, comes before
        size=contact.dist.strides[0],
        dist=0,
        pos=contact.pos.ctypes.data - base,
        frame=contact.frame.ctypes.data - base,
        geom=contact.geom.ctypes.data - base,
    )
    for height in (0.09, 1.0):
        data.qpos[2] = height
        mujoco.mj_forward(model, data)
        seen = ctypes.c_int32.from_address(data._address + layout.ncon).value
        pointer = ctypes.c_uint64.from_address(data._address + layout.contact).value
        if not slots or seen != data.ncon or pointer != data.contact.dist.ctypes.data:
            raise BrokenError(
                f"physics=mujoco_cpu: MuJoCo {mujoco.mj_versionString()} keeps its contacts where this version of"
                " Gaitway does not find them; use physics=newton_mjwarp."
            )
    return layout


@functools.cache
def _library() -> ctypes.CDLL:
    folder = Path(mujoco.__file__).parent
    # Already loaded by the bindings: this is another handle of the same library.
    return ctypes.CDLL(str(next(folder.glob("libmujoco.so*"))))


def function_address(name: str) -> int:
    """Address of one of MuJoCo's C functions."""
    return ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value or 0


@wp.func_native("((void (*)(void*, void*)) function)((void*) model, (void*) data);")
def call(function: wp.uint64, model: wp.uint64, data: wp.uint64): ...


@wp.func_native(
    "((void (*)(void*, void*, int, double*)) function)((void*) model, (void*) data, index, (double*) result);"
)
def call_contact_force(function: wp.uint64, model: wp.uint64, data: wp.uint64, index: int, result: wp.uint64): ...


@wp.func_native("return __atomic_fetch_add((int*) counter, count, __ATOMIC_RELAXED);")
def take(counter: wp.uint64, count: int) -> int: ...


@wp.func_native("""
    const float* source = (const float*) row;
    double* target = (double*) native;
    for (int i = 0; i < count; ++i) target[i] = source[i];
""")
def widen(row: wp.uint64, native: wp.uint64, count: int): ...


@wp.func_native("""
    const double* source = (const double*) native;
    float* target = (float*) row;
    for (int i = 0; i < count; ++i) target[i] = (float) source[i];
""")
def narrow(native: wp.uint64, row: wp.uint64, count: int): ...


@wp.func_native("""
    const float* source = (const float*) row;
    const int* chosen = (const int*) mask;
    double* target = (double*) native;
    for (int i = 0; i < count; ++i) if (chosen[i]) target[i] = source[i];
""")
def widen_where(row: wp.uint64, mask: wp.uint64, native: wp.uint64, count: int): ...


@wp.func_native("""
    const char* from = (const char*) source;
    char* to = (char*) target;
    for (int i = 0; i < count; ++i) to[i] = from[i];
""")
def copy_bytes(source: wp.uint64, target: wp.uint64, count: int): ...


@wp.func_native("""
    float* target = (float*) row;
    for (int i = 0; i < count; ++i) target[i] = 0.0f;
""")
def clear(row: wp.uint64, count: int): ...


@wp.func_native("""
    const double* value = (const double*) native;
    // Written so that NaN fails it.
    for (int i = 0; i < count; ++i) if (!(value[i] <= limit && value[i] >= -limit)) return false;
    return true;
""")
def within(native: wp.uint64, count: int, limit: wp.float64) -> bool: ...


# ---------------------------------------------------------------------------------------------------------------------
# The loop over worlds
# ---------------------------------------------------------------------------------------------------------------------


@wp.struct
class Copies:
    """Rows of Warp arrays and the arrays of an ``MjModel`` or ``MjData`` that they stand for."""

    rows: wp.array(dtype=wp.uint64)  # address of world 0's row, 32-bit floats
    natives: wp.array(dtype=wp.uint64)  # address in the model or data, 64-bit floats
    counts: wp.array(dtype=wp.int32)  # numbers a world
    length: wp.int32


@wp.struct
class Worker:
    """A worker's own model and data."""

    model: wp.uint64
    data: wp.uint64
    parameters: Copies
    inputs: Copies
    outputs: Copies
    eq_active: wp.uint64
    qpos: wp.uint64
    qvel: wp.uint64
    ctrl: wp.uint64
    xpos: wp.uint64
    xquat: wp.uint64
    contact_force: wp.uint64  # six numbers to be written by mj_contactForce
    qvel_before: wp.uint64  # velocities before the last step
    qvel_after: wp.uint64  # and after it


@wp.struct
class Worlds:
    """What all workers share. The first axis of every array is the world."""

    count: wp.int32
    nq: wp.int32
    nv: wp.int32
    nu: wp.int32
    neq: wp.int32
    # the state that a world goes back to when it breaks
    rows_qpos: wp.uint64
    rows_qvel: wp.uint64
    rows_warmstart: wp.uint64
    sound_qpos: wp.uint64
    eq_active: wp.uint64
    # control, that of the call before, for how many steps of a call the latter stays, and for which actuators
    rows_ctrl: wp.uint64
    last_ctrl: wp.uint64
    held_steps: wp.array(dtype=wp.int32)
    held_actuators: wp.uint64
    broken: wp.array(dtype=wp.int32)
    broken_count: wp.uint64
    max_position: wp.float64
    max_velocity: wp.float64
    # Newton's joint coordinates, and the last ones of them
    joint_q: wp.uint64
    joint_qd: wp.uint64
    num_q: wp.int32
    num_qd: wp.int32
    history: wp.uint64
    history_length: wp.int32
    # contacts, in slots of each world
    contact_slots: wp.int32
    contact_count: wp.array(dtype=wp.int32)
    contact_shapes: wp.array2d(dtype=wp.vec2i)
    contact_points: wp.array3d(dtype=wp.vec3)
    contact_normals: wp.array2d(dtype=wp.vec3)
    contact_forces: wp.array2d(dtype=wp.spatial_vector)
    geom_shape: wp.array2d(dtype=wp.int32)
    geom_body: wp.array(dtype=wp.int32)
    layout_ncon: wp.uint64
    layout_contact: wp.uint64
    layout_size: wp.uint64
    layout_dist: wp.uint64
    layout_pos: wp.uint64
    layout_frame: wp.uint64
    layout_geom: wp.uint64


@wp.func
def load(copies: Copies, world: int):
    for i in range(copies.length):
        count = copies.counts[i]
        widen(copies.rows[i] + wp.uint64(4 * count) * wp.uint64(world), copies.natives[i], count)


@wp.func
def store(copies: Copies, world: int):
    for i in range(copies.length):
        count = copies.counts[i]
        narrow(copies.natives[i], copies.rows[i] + wp.uint64(4 * count) * wp.uint64(world), count)


@wp.func
def row(address: wp.uint64, world: int, count: int) -> wp.uint64:
    return address + wp.uint64(4 * count) * wp.uint64(world)


@wp.func
def is_sound(worker: Worker, worlds: Worlds) -> bool:
    """Whether the state is finite and within the bounds."""
    return within(worker.qpos, worlds.nq, worlds.max_position) and within(worker.qvel, worlds.nv, worlds.max_velocity)


@wp.func
def to_body(point: wp.vec3, body: int, worker: Worker) -> wp.vec3:
    """A point of the world in a body's frame; the world's own body is 0."""
    if body == 0:
        return point
    p = wp.array(ptr=worker.xpos + wp.uint64(24 * body), shape=(3,), dtype=wp.float64)
    q = wp.array(ptr=worker.xquat + wp.uint64(32 * body), shape=(4,), dtype=wp.float64)
    quat = wp.quat(wp.float32(q[1]), wp.float32(q[2]), wp.float32(q[3]), wp.float32(q[0]))
    return wp.quat_rotate_inv(quat, point - wp.vec3(wp.float32(p[0]), wp.float32(p[1]), wp.float32(p[2])))


@wp.func
def store_contacts(worker: Worker, worlds: Worlds, world: int, force_function: wp.uint64):
    """Store points in the bodies' frames, and normals and forces in the world's.

    As Newton has it, the normal points from the first shape to the second, and the force acts on the first.
    """
    ncon = wp.array(ptr=worker.data + worlds.layout_ncon, shape=(1,), dtype=wp.int32)
    contact = wp.array(ptr=worker.data + worlds.layout_contact, shape=(1,), dtype=wp.uint64)
    found = ncon[0]
    worlds.contact_count[world] = found
    result = wp.array(ptr=worker.contact_force, shape=(6,), dtype=wp.float64)
    for i in range(wp.min(found, worlds.contact_slots)):
        at = contact[0] + worlds.layout_size * wp.uint64(i)
        geom = wp.array(ptr=at + worlds.layout_geom, shape=(2,), dtype=wp.int32)
        pos = wp.array(ptr=at + worlds.layout_pos, shape=(3,), dtype=wp.float64)
        dist = wp.array(ptr=at + worlds.layout_dist, shape=(1,), dtype=wp.float64)
        f = wp.array(ptr=at + worlds.layout_frame, shape=(9,), dtype=wp.float64)
        call_contact_force(force_function, worker.model, worker.data, i, worker.contact_force)
        # MuJoCo's frame has its axes in rows.
        normal = wp.vec3(wp.float32(f[0]), wp.float32(f[1]), wp.float32(f[2]))
        side = wp.vec3(wp.float32(f[3]), wp.float32(f[4]), wp.float32(f[5]))
        other = wp.vec3(wp.float32(f[6]), wp.float32(f[7]), wp.float32(f[8]))
        force = wp.float32(result[0]) * normal + wp.float32(result[1]) * side + wp.float32(result[2]) * other
        torque = wp.float32(result[3]) * normal + wp.float32(result[4]) * side + wp.float32(result[5]) * other
        middle = wp.vec3(wp.float32(pos[0]), wp.float32(pos[1]), wp.float32(pos[2]))
        half = 0.5 * wp.float32(dist[0]) * normal
        worlds.contact_shapes[world, i] = wp.vec2i(worlds.geom_shape[world, geom[0]], worlds.geom_shape[world, geom[1]])
        worlds.contact_points[world, i, 0] = to_body(middle - half, worlds.geom_body[geom[0]], worker)
        worlds.contact_points[world, i, 1] = to_body(middle + half, worlds.geom_body[geom[1]], worker)
        worlds.contact_normals[world, i] = normal
        worlds.contact_forces[world, i] = wp.spatial_vector(-force, -torque)


@wp.kernel(enable_backward=False, module="unique")
def step_worlds(
    worker: Worker,
    worlds: Worlds,
    counter: wp.uint64,
    num_steps: int,
    history_slot: int,
    steps_before: int,
    keep_ctrl: int,
    step_function: wp.uint64,
    after_function: wp.uint64,
    force_function: wp.uint64,
):
    """Take worlds until none is left. Runs in every worker at once, with ``dim=1``.

    An env-step may be several calls: ``steps_before`` counts the steps of those before, ``keep_ctrl`` marks the last.
    """
    world = take(counter, 1)
    while world < worlds.count:
        load(worker.parameters, world)
        load(worker.inputs, world)
        if worlds.neq > 0:
            copy_bytes(worlds.eq_active + wp.uint64(worlds.neq * world), worker.eq_active, worlds.neq)
        if worlds.history_length > 0:
            width = worlds.num_q + worlds.num_qd
            at = row(worlds.history, world * worlds.history_length + history_slot, width)
            copy_bytes(row(worlds.joint_q, world, worlds.num_q), at, 4 * worlds.num_q)
            copy_bytes(row(worlds.joint_qd, world, worlds.num_qd), at + wp.uint64(4 * worlds.num_q), 4 * worlds.num_qd)

        # MuJoCo would take a control that is not a number for zero.
        sound = is_sound(worker, worlds) and within(worker.ctrl, worlds.nu, wp.float64(1.0e10))
        held = worlds.held_steps[world] - steps_before
        if held > 0:
            widen_where(row(worlds.last_ctrl, world, worlds.nu), worlds.held_actuators, worker.ctrl, worlds.nu)
        for step in range(num_steps):
            if step == held and held > 0:
                widen(row(worlds.rows_ctrl, world, worlds.nu), worker.ctrl, worlds.nu)
            if sound:
                copy_bytes(worker.qvel, worker.qvel_before, 8 * worlds.nv)
                call(step_function, worker.model, worker.data)
                sound = is_sound(worker, worlds)
        if sound:
            if after_function != wp.uint64(0):
                # Accelerations are those of the step, so with the velocities that it began with.
                copy_bytes(worker.qvel, worker.qvel_after, 8 * worlds.nv)
                copy_bytes(worker.qvel_before, worker.qvel, 8 * worlds.nv)
                call(after_function, worker.model, worker.data)
                copy_bytes(worker.qvel_after, worker.qvel, 8 * worlds.nv)
            if keep_ctrl > 0:
                at = row(worlds.last_ctrl, world, worlds.nu)
                copy_bytes(row(worlds.rows_ctrl, world, worlds.nu), at, 4 * worlds.nu)
            store(worker.outputs, world)
            narrow(worker.qpos, row(worlds.sound_qpos, world, worlds.nq), worlds.nq)
            if worlds.contact_slots > 0:
                store_contacts(worker, worlds, world, force_function)
        else:
            # Back to the last sound pose, at rest; the other worlds do not notice.
            copy_bytes(row(worlds.sound_qpos, world, worlds.nq), row(worlds.rows_qpos, world, worlds.nq), 4 * worlds.nq)
            clear(row(worlds.rows_qvel, world, worlds.nv), worlds.nv)
            clear(row(worlds.rows_warmstart, world, worlds.nv), worlds.nv)
            worlds.broken[world] = 1
            take(worlds.broken_count, 1)
            if worlds.contact_slots > 0:
                worlds.contact_count[world] = 0
        world = take(counter, 1)


@wp.kernel(enable_backward=False, module="unique")
def list_contacts(
    num_worlds: int,
    worlds: Worlds,
    count: wp.array(dtype=wp.int32),
    shape0: wp.array(dtype=wp.int32),
    shape1: wp.array(dtype=wp.int32),
    point0: wp.array(dtype=wp.vec3),
    point1: wp.array(dtype=wp.vec3),
    normal: wp.array(dtype=wp.vec3),
    force: wp.array(dtype=wp.spatial_vector),
):
    """Put the worlds' contacts into one list, in the order of worlds. Runs with ``dim=1``."""
    n = wp.int32(0)
    for world in range(num_worlds):
        for i in range(wp.min(worlds.contact_count[world], worlds.contact_slots)):
            shapes = worlds.contact_shapes[world, i]
            shape0[n] = shapes[0]
            shape1[n] = shapes[1]
            point0[n] = worlds.contact_points[world, i, 0]
            point1[n] = worlds.contact_points[world, i, 1]
            normal[n] = worlds.contact_normals[world, i]
            if force:
                force[n] = worlds.contact_forces[world, i]
            n += 1
    count[0] = n
